//! A driver's health and attributes.

use encamp_base_grpc::attribute;
use encamp_driver::{Error, Fingerprint, Health, Result};
use encamp_proto::driver as wire;
use encamp_proto::driver::fingerprint_response::HealthState;

/// A look that failed is a message too: the stream stays open.
pub(crate) fn to_message(look: Result<Fingerprint>) -> wire::FingerprintResponse {
    let look = match look {
        Ok(look) => look,
        Err(error) => {
            return wire::FingerprintResponse {
                err: error.chain(),
                ..wire::FingerprintResponse::default()
            };
        }
    };
    let health = match look.health {
        Health::Undetected => HealthState::Undetected,
        Health::Unhealthy => HealthState::Unhealthy,
        Health::Healthy => HealthState::Healthy,
    };
    wire::FingerprintResponse {
        attributes: attribute::to_messages(look.attributes),
        health: health.into(),
        health_description: look.health_description,
        err: String::new(),
    }
}

pub(crate) fn from_message(message: wire::FingerprintResponse) -> Result<Fingerprint> {
    if !message.err.is_empty() {
        return Err(Error::recoverable(message.err));
    }
    let health = match message.health() {
        HealthState::Undetected => Health::Undetected,
        HealthState::Unhealthy => Health::Unhealthy,
        HealthState::Healthy => Health::Healthy,
    };
    Ok(Fingerprint {
        attributes: attribute::from_messages(message.attributes),
        health,
        health_description: message.health_description,
    })
}

#[cfg(test)]
mod tests {
    use encamp_driver::Attribute;

    use super::*;

    #[test]
    fn every_look_survives_the_wire() {
        for look in [
            Fingerprint::healthy([("driver.x.memory".to_owned(), Attribute::from(5_i64).in_unit("MiB"))]),
            Fingerprint::unhealthy("no cgroups"),
            Fingerprint::undetected("no docker"),
        ] {
            assert_eq!(from_message(to_message(Ok(look.clone()))).unwrap(), look);
        }
        let failed = from_message(to_message(Err(Error::fatal("engine is away"))));
        assert_eq!(failed.unwrap_err().to_string(), "engine is away");
    }
}
