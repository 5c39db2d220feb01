//! How much may be on its way of what nobody has read yet.

/// How much of one call or stream may be on its way before its reader took any of it, in bytes. Whoever makes a connection
/// as between a host and a plugin says so at both ends, and [`CONNECTION_WINDOW`] with it.
pub const STREAM_WINDOW: u32 = 256 * 1024;

/// How much of all calls and streams of a connection together may be on its way, in bytes: the most there is. All share
/// it, and with less, a few streams that nobody reads would hold up every other call.
pub const CONNECTION_WINDOW: u32 = i32::MAX as u32;
