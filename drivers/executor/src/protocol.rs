//! What the client and the supervising process say to each other.
