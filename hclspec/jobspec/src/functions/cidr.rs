//! Networks: `10.0.0.0/8` and what is in them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use encamp_hclspec::cty::{Function, FunctionError};
use encamp_hclspec::{Type, Value};

use super::{Outcome, integer, number, string, text};

pub(super) fn functions() -> [(&'static str, Function); 4] {
    [
        (
            "cidrhost",
            Function::new([string("prefix"), number("hostnum")], Type::String, |arguments, _| {
                host(&arguments)
            }),
        ),
        (
            "cidrnetmask",
            Function::new([string("prefix")], Type::String, |arguments, _| netmask(&arguments)),
        ),
        (
            "cidrsubnet",
            Function::new(
                [string("prefix"), number("newbits"), number("netnum")],
                Type::String,
                |arguments, _| subnet(&arguments),
            ),
        ),
        (
            "cidrsubnets",
            Function::new([string("prefix")], Type::list(Type::String), |arguments, _| {
                subnets(&arguments)
            })
            .variadic(number("newbits")),
        ),
    ]
}

/// A network. Addresses are numbers of `width` bits.
#[derive(Clone, Copy)]
struct Network {
    base: u128,
    prefix: u32,
    width: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let (base, width) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
            IpAddr::V6(address) => (u128::from(address), 128),
        };
        let is_plain = prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix = prefix.parse().ok().filter(|prefix| is_plain && *prefix <= width)?;
        let network = Self { base, prefix, width };
        Some(Self {
            base: base & !network.hosts(),
            ..network
        })
    }

    /// The bits that tell its hosts apart, all set: the number of the last host.
    fn hosts(self) -> u128 {
        ones(self.width - self.prefix)
    }

    fn address(self, host: u128) -> IpAddr {
        address(self.base | host, self.width)
    }
}

/// So many bits, all set.
fn ones(count: u32) -> u128 {
    u128::MAX.checked_shr(128 - count).unwrap_or(0)
}

fn address(number: u128, width: u32) -> IpAddr {
    match u32::try_from(number) {
        Ok(number) if width == 32 => Ipv4Addr::from(number).into(),
        _ => Ipv6Addr::from(number).into(),
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", address(self.base, self.width), self.prefix)
    }
}

fn network(arguments: &[Value]) -> Result<Network, FunctionError> {
    Network::parse(text(arguments, 0)?)
        .ok_or_else(|| FunctionError::at(0, "not a network: write an address and a prefix, as in 10.0.0.0/8"))
}

/// The address of a host in a network; below zero it is counted from the end.
fn host(arguments: &[Value]) -> Outcome {
    let network = network(arguments)?;
    let wanted = integer(arguments, 1)?;
    let last = network.hosts();
    let counted = u128::from(wanted.unsigned_abs());
    let host = if wanted < 0 {
        last.checked_sub(counted - 1)
    } else {
        Some(counted)
    };
    match host.filter(|host| *host <= last) {
        Some(host) => Ok(Value::from(network.address(host).to_string())),
        None => Err(FunctionError::at(
            1,
            format!("the network {network} has no host of this number"),
        )),
    }
}

fn netmask(arguments: &[Value]) -> Outcome {
    let network = network(arguments)?;
    if network.width != 32 {
        return Err(FunctionError::at(0, "only networks of IPv4 have a mask"));
    }
    let mask = ones(32) & !network.hosts();
    Ok(Value::from(address(mask, 32).to_string()))
}

fn bits(arguments: &[Value], index: usize, network: Network) -> Result<u32, FunctionError> {
    let bits = u32::try_from(integer(arguments, index)?).ok();
    let bits = bits.filter(|bits| *bits <= network.width - network.prefix);
    bits.ok_or_else(|| {
        let left = network.width - network.prefix;
        FunctionError::at(
            index,
            format!("the network {network} can be extended by 0 to {left} bits"),
        )
    })
}

fn subnet(arguments: &[Value]) -> Outcome {
    let network = network(arguments)?;
    let bits = bits(arguments, 1, network)?;
    let wanted = integer(arguments, 2)?;
    let counted = u128::from(wanted.unsigned_abs());
    let last = ones(bits);
    let index = if wanted < 0 {
        last.checked_sub(counted - 1)
    } else {
        Some(counted)
    };
    let Some(index) = index.filter(|index| *index <= last) else {
        let message = format!("{bits} bits tell no subnet of this number apart");
        return Err(FunctionError::at(2, message));
    };
    let prefix = network.prefix + bits;
    let subnet = Network {
        base: network.base | index.checked_shl(network.width - prefix).unwrap_or(0),
        prefix,
        ..network
    };
    Ok(Value::from(subnet.to_string()))
}

/// Subnets one after the other, each aligned to its own size.
fn subnets(arguments: &[Value]) -> Outcome {
    let network = network(arguments)?;
    let mut next = Some(0_u128);
    let mut found = Vec::new();
    for index in 1..arguments.len() {
        let bits = bits(arguments, index, network)?;
        let prefix = network.prefix + bits;
        let last = ones(network.width - prefix);
        let full = || FunctionError::at(index, format!("there is no room for this subnet in {network}"));
        let start = next.and_then(|next| next.checked_add(last)).ok_or_else(full)? & !last;
        let end = start | last;
        if end > network.hosts() {
            return Err(full());
        }
        let subnet = Network {
            base: network.base | start,
            prefix,
            ..network
        };
        found.push(Value::from(subnet.to_string()));
        next = end.checked_add(1);
    }
    Ok(Value::list(Type::String, found))
}
