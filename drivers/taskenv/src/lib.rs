//! The environment of a task, and the interpolation of ${...} from it.
