//! The program as its users have it: linked under a driver's name, and started by a host. And the other way round:
//! upstream's program under our host.

#[cfg(test)]
mod by_hand;
#[cfg(test)]
mod interop;
