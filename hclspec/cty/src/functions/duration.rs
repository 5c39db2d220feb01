//! Durations such as `1h30m`.

/// The nanoseconds of a duration: numbers, each with its unit, after one sign for all.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    let fail = |reason: &str| format!("invalid duration: {reason}");
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned == "0" {
        return Ok(0);
    }
    if unsigned.is_empty() {
        return Err(fail("a number with a unit is required"));
    }
    let mut rest = unsigned;
    let mut sum = 0_i128;
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return Err(fail("a number is required before each unit"));
        }
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end).unwrap_or((after, ""));
        let size = size(unit).ok_or_else(|| match unit {
            "" => fail("missing unit; the units are ns, us, ms, s, m and h"),
            _ => fail("unknown unit; the units are ns, us, ms, s, m and h"),
        })?;
        let part = nanoseconds(whole, fraction, size);
        sum = part
            .and_then(|part| sum.checked_add(part))
            .ok_or_else(|| fail("it is too long"))?;
        rest = after;
    }
    let sum = if text.starts_with('-') { -sum } else { sum };
    i64::try_from(sum).map_err(|_| fail("it is too long"))
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn size(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        // The micro sign, and the Greek letter that it is often typed as.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

fn nanoseconds(whole: &str, fraction: &str, size: i128) -> Option<i128> {
    let number = |digits: &str| {
        if digits.is_empty() {
            Some(0)
        } else {
            digits.parse::<i64>().ok().map(i128::from)
        }
    };
    // Further digits stand for less than a nanosecond.
    let fraction = fraction.get(..18).unwrap_or(fraction);
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some(number(whole)? * size + number(fraction)? * size / scale)
}
