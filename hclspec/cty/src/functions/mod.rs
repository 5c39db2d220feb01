//! The functions that HCL languages offer.
