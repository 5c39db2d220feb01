use super::*;

/// Cases of an operation, its operands and its result, as another implementation of HCL has it.
fn failures(table: &str) -> Vec<String> {
    table.lines().filter_map(failure).collect()
}

fn failure(line: &str) -> Option<String> {
    let [operation, a, b, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
        return Some(format!("a case has four parts: {line}"));
    };
    let (left, right) = (number(a), number(if b.is_empty() { "0" } else { b }));
    let result = match operation {
        "text" => Ok(left.to_string()),
        "ten" => Ok(left.to_ten_digits()),
        "f64" if expected.parse() == Ok(left.as_f64()) => return None,
        "f64" => Ok(left.as_f64().to_string()),
        "cmp" => Ok((left.cmp(&right) as i8).to_string()),
        "add" => left.checked_add(&right).map(|sum| sum.to_string()),
        "sub" => left.checked_sub(&right).map(|difference| difference.to_string()),
        "mul" => left.checked_mul(&right).map(|product| product.to_string()),
        "div" => left.checked_div(&right).map(|quotient| quotient.to_string()),
        "rem" => left.checked_rem(&right).map(|rest| rest.to_string()),
        _ => return Some(format!("no such operation: {line}")),
    };
    let result = result.unwrap_or_else(|error| error.to_string());
    (result != expected).then(|| format!("{operation} {a} {b}\n  gives    {result}\n  and not {expected}"))
}

fn number(text: &str) -> Number {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn results_agree_with_those_of_another_implementation() {
    let found = failures(include_str!("../../tests/data/numbers.tsv"));
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn text_is_read_as_a_number_or_refused() {
    for (text, expected) in [
        ("0", "0"),
        ("-0", "0"),
        ("+1", "1"),
        (".5", "0.5"),
        ("1.", "1"),
        ("1e2", "100"),
        ("1E+2", "100"),
        ("010", "10"),
        ("1.50", "1.5"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "9223372036854775808"),
        ("18446744073709551616", "18446744073709551616"),
        ("0e99999999999999999999", "0"),
        ("Inf", "+Inf"),
        ("-inf", "-Inf"),
    ] {
        assert_eq!(number(text).to_string(), expected, "{text}");
    }
    for text in [
        "", " 1", "1 ", "0x10", "0b1", "1_0", "NaN", "infinity", "1e", ".", "+", "--1", "1e1.5", "1.2.3", "é",
    ] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::Invalid), "{text}");
    }
}

#[test]
fn a_number_out_of_range_is_an_error_and_no_memory_bomb() {
    for text in [
        "1e20000",
        "-1e999999999",
        "1e99999999999999999999",
        "1e-20000",
        "1e-999999999",
    ] {
        assert_eq!(text.parse::<Number>(), Err(NumberError::OutOfRange), "{text}");
    }
    let large = number("1e19000");
    assert_eq!(large.to_string().len(), 19_001);
    assert_eq!(large.checked_mul(&large), Err(NumberError::OutOfRange));
    assert_eq!(
        Number::ONE.checked_div(&large).unwrap().checked_div(&large),
        Err(NumberError::OutOfRange)
    );
    assert_eq!(number("10").checked_pow(i32::MAX), Err(NumberError::OutOfRange));
    assert_eq!(large.checked_add(&Number::ONE).unwrap(), large);
    assert_eq!(large.checked_sub(&number("1e-19000")).unwrap(), large);
}

#[test]
fn a_long_text_is_rounded_by_its_last_digit() {
    // Half way between two numbers of 512 bits, and a little above.
    let half = (BigUint::from(1_u8) << 512_u32) + 1_u8;
    let below: Number = half.to_string().parse().unwrap();
    assert_eq!(below, number(&(BigUint::from(1_u8) << 512_u32).to_string()));
    let above: Number = format!("{half}.{}1", "0".repeat(100_000)).parse().unwrap();
    assert_eq!(above, number(&(half + 1_u8).to_string()));
}

#[test]
fn infinities_are_what_division_by_zero_gives() {
    let zero = Number::ZERO;
    assert_eq!(Number::ONE.checked_div(&zero), Ok(Number::INFINITY));
    assert_eq!(number("-0.5").checked_div(&zero), Ok(Number::NEG_INFINITY));
    assert_eq!(zero.checked_div(&zero), Err(NumberError::DivisionByZero));
    assert_eq!(
        Number::INFINITY.checked_div(&Number::INFINITY),
        Err(NumberError::DivisionByZero)
    );
    assert_eq!(Number::ONE.checked_div(&Number::INFINITY), Ok(zero.clone()));
    for undefined in [
        Number::INFINITY.checked_sub(&Number::INFINITY),
        Number::INFINITY.checked_add(&Number::NEG_INFINITY),
        Number::INFINITY.checked_mul(&zero),
        Number::INFINITY.checked_rem(&Number::ONE),
        Number::ONE.checked_rem(&Number::INFINITY),
    ] {
        assert!(matches!(undefined, Err(NumberError::Undefined(_))), "{undefined:?}");
    }
    assert!(number("1e19000") < Number::INFINITY && Number::NEG_INFINITY < number("-1e19000"));
}

#[test]
fn floats_come_out_as_they_went_in() {
    for float in [
        0.0,
        0.1,
        -2.5,
        1e300,
        5e-324,
        f64::MAX,
        f64::MIN_POSITIVE,
        2.5e-323,
        9_007_199_254_740_993.0,
    ] {
        assert_eq!(
            Number::from_f64(float).unwrap().as_f64().to_bits(),
            float.to_bits(),
            "{float}"
        );
        assert_eq!(
            Number::from_f64_exact(float).unwrap().as_f64().to_bits(),
            float.to_bits(),
            "{float}"
        );
    }
    assert_eq!(Number::from_f64(0.1).unwrap().to_string(), "0.1");
    assert!(
        Number::from_f64_exact(0.1)
            .unwrap()
            .to_string()
            .starts_with("0.1000000000000000055511151231257827")
    );
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(number("1e400").as_f64().to_bits(), f64::INFINITY.to_bits());
    assert_eq!(number("-1e-400").as_f64().to_bits(), (-0.0_f64).to_bits());
    assert_eq!(number("0.1").as_f64_exact(), None);
    assert_eq!(number("0.5").as_f64_exact(), Some(0.5));
    assert_eq!(number("9007199254740993").as_f64_exact(), None);
}

#[test]
fn integers_are_told_from_other_numbers() {
    assert_eq!(number("18446744073709551615").as_u64(), Some(u64::MAX));
    assert_eq!(number("18446744073709551616").as_u64(), None);
    assert_eq!(number("-1").as_u64(), None);
    assert_eq!(number("9223372036854775808").negate().as_i64(), Some(i64::MIN));
    assert_eq!(Number::from(i64::MIN).negate().negate().as_i64(), Some(i64::MIN));
    assert!(number("1e30").is_integer() && !number("1e-30").is_integer());
}

#[test]
fn rounding_goes_down_up_or_to_zero() {
    for (text, floor, ceil, truncated) in [
        ("2.5", "2", "3", "2"),
        ("-2.5", "-3", "-2", "-2"),
        ("7", "7", "7", "7"),
        ("-0.1", "-1", "0", "0"),
        ("1e40", "1e40", "1e40", "1e40"),
    ] {
        let value = number(text);
        assert_eq!(
            (value.floor(), value.ceil(), value.truncate()),
            (number(floor), number(ceil), number(truncated)),
            "{text}"
        );
    }
    assert_eq!(Number::INFINITY.floor(), Number::INFINITY);
    assert_eq!(number("2").checked_pow(-2), Ok(number("0.25")));
    assert_eq!(Number::ZERO.checked_pow(0), Ok(Number::ONE));
}
