//! Errors with their causes.

use std::error::Error;

/// An error and all that it comes of, on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot list the devices")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the bus")]
    struct Inner(#[source] std::fmt::Error);

    #[test]
    fn every_cause_is_told_once_and_in_its_order() {
        let error = Outer(Inner(std::fmt::Error));
        let cause = std::fmt::Error.to_string();
        assert_eq!(
            chain(&error),
            format!("cannot list the devices: cannot read the bus: {cause}")
        );
        assert_eq!(chain(&std::fmt::Error), cause);
    }
}
