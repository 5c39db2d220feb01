//! An engine that fails half way, or answers nothing.
