//! What cgroups do, on trees of plain files and on the host's own.

#[cfg(test)]
mod fake_v2;
#[cfg(test)]
mod root;
