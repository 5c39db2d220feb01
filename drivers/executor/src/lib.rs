//! One tiny supervising process per host task, and the client that starts or re-adopts it.
