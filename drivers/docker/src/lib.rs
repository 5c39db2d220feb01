//! The docker task driver over a narrow engine trait.
