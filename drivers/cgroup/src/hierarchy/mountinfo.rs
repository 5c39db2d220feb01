//! Reading `/proc/<pid>/mountinfo`.
