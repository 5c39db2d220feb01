//! The dialect of structs, against what Go's encoder wrote and what its decoder takes.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use encamp_hclspec_msgpack::legacy::{self, GoTime};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{bytes, hex};

/// Bytes as Go has them: one raw, not a list of numbers.
#[derive(Debug, Default, PartialEq)]
struct Raw(Vec<u8>);

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl serde::de::Visitor<'_> for Visit {
            type Value = Raw;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                Ok(Raw(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Visit)
    }
}

/// The fields of the recorded struct, in another order than that in which they are written.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    b: String,
    a: i64,
    #[serde(rename = "Bs")]
    bs: Raw,
    #[serde(rename = "Nil")]
    nil: Option<Vec<String>>,
    #[serde(rename = "M")]
    m: Option<BTreeMap<String, String>>,
    #[serde(rename = "F")]
    f: f64,
    #[serde(rename = "F32")]
    f32: f32,
    #[serde(rename = "U")]
    u: u64,
    #[serde(rename = "J")]
    j: String,
    #[serde(rename = "T")]
    t: GoTime,
    #[serde(rename = "D")]
    d: i64,
    #[serde(rename = "P")]
    p: Option<i64>,
    #[serde(rename = "I8")]
    i8: i8,
}

const EVERYTHING: &str = "8d a2 42 73 a2 01 02 a1 44 d2 3b 9a ca 00 a1 46 cb 3f f0 00 00 00 00 00 00 a3 46 33 32 ca 00 00 00 \
    00 a2 49 38 d0 df a1 4a a1 6a a1 4d c0 a3 4e 69 6c c0 a1 50 c0 a1 54 af 01 00 00 00 0e dc e5 e8 00 00 00 00 05 ff ff a1 \
    55 cc c8 a1 61 d1 00 80 a1 62 da 00 20 61 61 61 61 61 61 61 61 61 61 62 62 62 62 62 62 62 62 62 62 63 63 63 63 63 63 63 \
    63 63 63 64 64";

#[test]
fn a_struct_of_every_kind_of_field_is_the_bytes_that_go_writes() {
    let everything = Everything {
        b: "aaaaaaaaaabbbbbbbbbbccccccccccdd".to_owned(),
        a: 128,
        bs: Raw(vec![1, 2]),
        nil: None,
        m: None,
        f: 1.0,
        f32: 0.0,
        u: 200,
        j: "j".to_owned(),
        t: GoTime(UNIX_EPOCH + Duration::new(1_700_000_000, 5)),
        d: 1_000_000_000,
        p: None,
        i8: -33,
    };
    let encoded = legacy::to_vec(&everything).unwrap();
    assert_eq!(hex(&encoded), EVERYTHING);
    assert_eq!(legacy::from_slice::<Everything>(&encoded), Ok(everything));
}

/// As Go reads into a map of anything, save that bytes that are no text are no text here either.
#[test]
fn a_struct_is_a_map_of_anything() {
    let encoded = bytes(EVERYTHING);
    let fields: BTreeMap<String, encamp_hclspec::Value> = legacy::from_slice::<BTreeMap<String, Any>>(&encoded)
        .unwrap()
        .into_iter()
        .map(|(name, any)| (name, any.0))
        .collect();
    assert_eq!(fields.len(), 13);
    assert_eq!(fields["a"].as_i64(), Some(128));
    assert_eq!(fields["Bs"].as_str(), Some("\u{1}\u{2}"));
    assert_eq!(fields["D"].as_i64(), Some(1_000_000_000));
    assert!(fields["M"].is_null() && fields["Nil"].is_null() && fields["P"].is_null());
}

/// A value, or nothing where it is bytes.
struct Any(encamp_hclspec::Value);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl serde::de::Visitor<'_> for Visit {
            type Value = Any;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Any, E> {
                Ok(Any(encamp_hclspec::Value::NULL))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Any, E> {
                Ok(Any(number.into()))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Any, E> {
                Ok(Any(number.into()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Any, E> {
                Ok(Any(encamp_hclspec::Number::from_f64_exact(number).unwrap().into()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Any, E> {
                Ok(Any(text.into()))
            }
            fn visit_bytes<E>(self, _: &[u8]) -> Result<Any, E> {
                Ok(Any(encamp_hclspec::Value::NULL))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// The struct that the recorded inputs were read into: an array's elements are its fields as they are declared.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Ab {
    b: String,
    a: i64,
}

/// What becomes of some bytes: the struct, or the start of the message.
#[track_caller]
fn check<T: DeserializeOwned + PartialEq + std::fmt::Debug>(input: &str, expected: Result<T, &str>) {
    let found = legacy::from_slice::<T>(&bytes(input)).map_err(|error| error.to_string());
    match (&found, &expected) {
        (Err(found), Err(expected)) => assert!(found.contains(expected), "{input}: {found}"),
        _ => assert_eq!(found, expected.map_err(str::to_owned), "{input}"),
    }
}

fn ab(a: i64, b: &str) -> Ab {
    Ab { a, b: b.to_owned() }
}

#[test]
fn what_go_accepts_is_accepted_and_what_it_refuses_is_refused() {
    let nothing = "the msgpack data ends at byte 0";
    check::<Ab>("", Err(nothing));
    check("c0", Ok(ab(0, "")));
    check("80", Ok(ab(0, "")));
    check("90", Ok(ab(0, "")));
    check("91 a1 61", Ok(ab(0, "a")));
    check("93 a1 61 07 c3", Ok(ab(7, "a")));
    check::<Ab>("a1 61", Err("expected a map or an array at byte 0, found a string"));
    check::<Ab>(
        "63 6f 6e 66 69 67 20 7b 7d",
        Err("expected a map or an array at byte 0, found an integer"),
    );
    check::<Ab>("81 a1 62 d4 00 00", Err("found an extension"));
    check("81 a1 62 c4 01 71", Ok(ab(0, "q")));
    check("81 a1 62 d9 01 71", Ok(ab(0, "q")));
    check::<Ab>("81 a1 61 cb 40 00 00 00 00 00 00 00", Err("expected i64, found number"));
    check::<Ab>("81 a1 62 05", Err("expected a string, found number"));
    check("82 a1 7a 01 a1 61 07", Ok(ab(7, "")));
}

/// Where ours does otherwise than Go's decoder, it is on purpose.
#[test]
fn what_go_misreads_is_read_right() {
    // Go wraps it around to -1.
    check::<Ab>(
        "81 a1 61 cf ff ff ff ff ff ff ff ff",
        Err("expected i64, found another number"),
    );
    // Go refuses the decimal text that its own hosts send for a number that no float holds.
    check("81 a1 61 a1 35", Ok(ab(5, "")));
    check::<Ab>("81 a1 61 a3 30 2e 35", Err("expected i64, found number"));
}

#[test]
fn texts_are_read_in_every_form() {
    for input in [
        "a1 71",
        "d9 01 71",
        "da 00 01 71",
        "db 00 00 00 01 71",
        "c4 01 71",
        "c5 00 01 71",
        "c6 00 00 00 01 71",
    ] {
        check(input, Ok("q".to_owned()));
        check(input, Ok(Raw(b"q".to_vec())));
    }
    check::<String>("a1 ff", Err("expected a string, found bytes"));
    check("a1 ff", Ok(Raw(vec![0xff])));
}

#[test]
fn nil_is_the_default_of_what_has_one() {
    check("82 a1 61 c0 a1 62 c0", Ok(ab(0, "")));
    check("92 c0 07", Ok(ab(7, "")));
    check("c0", Ok(Vec::<String>::new()));
    check("c0", Ok(BTreeMap::<String, i64>::new()));
    check("c0", Ok(None::<i64>));
    check::<i64>("c0", Err("expected i64, found null"));
    check::<bool>("02", Err("expected a boolean, found number"));
    check("00", Ok(false));
    check("01", Ok(true));
}

#[derive(Debug, PartialEq, Deserialize)]
struct Merged {
    #[serde(default, deserialize_with = "encamp_hclspec::serde_map::merged")]
    m: BTreeMap<String, u16>,
}

/// As a host sends a map that was written as a list of maps; Go takes no bare map there.
#[test]
fn lists_of_maps_are_one_map() {
    let merged = |m: &[(&str, u16)]| {
        let m = m.iter().map(|(name, port)| ((*name).to_owned(), *port));
        Ok(Merged { m: m.collect() })
    };
    check(
        "81 a1 6d 91 82 a1 61 50 a1 62 cd 01 bb",
        merged(&[("a", 80), ("b", 443)]),
    );
    check("81 a1 6d 92 81 a1 61 50 81 a1 61 cd 01 bb", merged(&[("a", 443)]));
    check("81 a1 6d 81 a1 61 50", merged(&[("a", 80)]));
    check("81 a1 6d 91 81 a1 61 a2 38 30", merged(&[("a", 80)]));
    for nothing in ["80", "81 a1 6d c0", "81 a1 6d 90", "81 a1 6d 91 80", "81 a1 6d 91 c0"] {
        check(nothing, merged(&[]));
    }
    check::<Merged>("81 a1 6d 05", Err("a map or a list of maps"));
}

#[test]
fn every_length_has_its_shortest_old_form() {
    let text = |length: usize| hex(legacy::to_vec(&"x".repeat(length)).unwrap().get(..5).unwrap());
    assert_eq!(text(31), "bf 78 78 78 78");
    assert_eq!(text(32), "da 00 20 78 78");
    assert_eq!(text(65_535), "da ff ff 78 78");
    assert_eq!(text(65_536), "db 00 01 00 00");
    let list = |length: usize| hex(legacy::to_vec(&vec![true; length]).unwrap().get(..3).unwrap());
    assert_eq!((list(15), list(16)), ("9f c3 c3".to_owned(), "dc 00 10".to_owned()));
    assert_eq!(list(65_536), "dd 00 01");
    let map = |length: usize| {
        let map: BTreeMap<String, bool> = (0..length).map(|key| (key.to_string(), true)).collect();
        hex(legacy::to_vec(&map).unwrap().get(..3).unwrap())
    };
    assert_eq!((map(15), map(16)), ("8f a1 30".to_owned(), "de 00 10".to_owned()));
}

#[test]
fn what_has_no_form_is_refused() {
    let refused = |error: Result<Vec<u8>, encamp_hclspec_msgpack::Error>| error.unwrap_err().to_string();
    assert!(refused(legacy::to_vec(&1_u128)).contains("u128"));
    assert!(refused(legacy::to_vec(&BTreeMap::from([(1, 1)]))).contains("a map's key that is no text"));
    let far = UNIX_EPOCH.checked_add(Duration::from_secs(i64::MAX.unsigned_abs()));
    assert!(refused(legacy::to_vec(&GoTime(far.unwrap()))).contains("so far away"));
}

#[test]
fn sequences_of_unknown_length_are_counted() {
    struct Evens(u8);
    impl Serialize for Evens {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq((0..self.0).filter(|number| number % 2 == 0))
        }
    }
    assert_eq!(hex(&legacy::to_vec(&Evens(6)).unwrap()), "93 00 02 04");
    assert_eq!(
        hex(legacy::to_vec(&Evens(40)).unwrap().get(..4).unwrap()),
        "dc 00 14 00"
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Pull {
    Always,
    Within(u32),
    Of { host: String, after: u8 },
    Either(u8, u8),
}

#[test]
fn enums_come_back() {
    let all = [
        (Pull::Always, "a6 41 6c 77 61 79 73"),
        (Pull::Within(5), "81 a6 57 69 74 68 69 6e 05"),
        (
            Pull::Of {
                host: "h".to_owned(),
                after: 1,
            },
            "81 a2 4f 66 82 a5 61 66 74 65 72 01 a4 68 6f 73 74 a1 68",
        ),
        (Pull::Either(1, 2), "81 a6 45 69 74 68 65 72 92 01 02"),
    ];
    for (pull, expected) in all {
        let encoded = legacy::to_vec(&pull).unwrap();
        assert_eq!(hex(&encoded), expected);
        assert_eq!(legacy::from_slice::<Pull>(&encoded), Ok(pull));
    }
}

#[test]
fn times_of_every_zone_and_age_are_instants() {
    // 2023-11-14 22:13:20.000000005 in UTC, in a zone two hours east, and in one with seconds.
    let instant = GoTime(UNIX_EPOCH + Duration::new(1_700_000_000, 5));
    check("af 01 00 00 00 0e dc e5 e8 00 00 00 00 05 ff ff", Ok(instant));
    check("af 01 00 00 00 0e dc e5 e8 00 00 00 00 05 00 78", Ok(instant));
    check("b0 02 00 00 00 0e dc e5 e8 00 00 00 00 05 00 78 07", Ok(instant));
    // Half a second before 1970, and Go's zero time.
    let before = GoTime(UNIX_EPOCH - Duration::from_millis(500));
    assert_eq!(
        legacy::from_slice::<GoTime>(&legacy::to_vec(&before).unwrap()),
        Ok(before)
    );
    let zero = GoTime(UNIX_EPOCH - Duration::from_hours(62_135_596_800 / 3600));
    check("af 01 00 00 00 00 00 00 00 00 00 00 00 00 ff ff", Ok(zero));
    for bad in [
        "a0",
        "a1 01",
        "af 03 00 00 00 0e dc e5 e8 00 00 00 00 05 ff ff",
        "af 01 00 00 00 0e dc e5 e8 00 ff ff ff ff ff ff",
    ] {
        check::<GoTime>(bad, Err("the 15 or 16 bytes"));
    }
    check::<GoTime>(
        "af 01 80 00 00 00 00 00 00 00 00 00 00 00 ff ff",
        Err("the 15 or 16 bytes"),
    );
}
