//! The program as its users run it: real drivers, real processes, a real engine.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod broken;
#[cfg(test)]
mod camp;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod docker;
#[cfg(test)]
mod exec;
#[cfg(test)]
mod host;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod plugin;
#[cfg(test)]
mod root;
