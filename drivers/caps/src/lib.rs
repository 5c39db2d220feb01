//! The algebra of Linux capabilities that a task may have.
