//! Structs that are their own schemas.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use encamp_hclspec::{Body, Context, HclSpec, Source, Type, decode_into, export};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Debug, PartialEq, Deserialize, HclSpec)]
#[serde(rename_all = "kebab-case")]
struct Everything {
    /// What to run.
    ///
    /// With a tag.
    image: String,
    /// Nothing by default.
    extra_args: Option<Vec<String>>,
    #[hcl(default = 2)]
    retries: u8,
    #[serde(default)]
    tags: BTreeSet<String>,
    #[serde(default, rename = "environment")]
    env: HashMap<String, String>,
    #[hcl(type = Type::String, optional)]
    #[serde(default)]
    mode: Mode,
    #[hcl(block)]
    logging: Option<Logging>,
    #[hcl(block, min = 1, max = 2)]
    mount: Vec<Mount>,
    #[hcl(block, labels("zone", "name"))]
    host: BTreeMap<String, BTreeMap<String, Logging>>,
    #[hcl(attrs)]
    labels: Option<BTreeMap<String, String>>,
    #[hcl(skip)]
    #[serde(skip)]
    made_up: u8,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Host,
    Bridge,
}

#[derive(Debug, PartialEq, Deserialize, HclSpec)]
struct Logging {
    kind: String,
}

#[derive(Debug, PartialEq, Deserialize, HclSpec)]
struct Mount {
    #[hcl(label)]
    source: String,
    #[hcl(label)]
    target: String,
    #[serde(default)]
    readonly: bool,
}

/// Decodes a text: the value, or the errors, a line each.
fn check<T: HclSpec + DeserializeOwned + PartialEq + std::fmt::Debug>(text: &str, expected: Result<T, &str>) {
    let body = Body::parse(Source::new("t", text.to_owned())).unwrap();
    let found = decode_into::<T>(&body, &Context::new()).map_err(|errors| errors.to_string());
    assert_eq!(found, expected.map_err(str::to_owned), "{text}");
}

fn least() -> Everything {
    Everything {
        image: "busybox".to_owned(),
        extra_args: None,
        retries: 2,
        tags: BTreeSet::new(),
        env: HashMap::new(),
        mode: Mode::Host,
        logging: None,
        mount: vec![Mount {
            source: "/a".to_owned(),
            target: "/b".to_owned(),
            readonly: false,
        }],
        host: BTreeMap::new(),
        labels: None,
        made_up: 0,
    }
}

#[test]
fn what_may_be_missing_is_filled_in() {
    check("image = \"busybox\"\nmount \"/a\" \"/b\" {}\n", Ok(least()));
    check(
        "image = \"busybox\"\nretries = null\nextra-args = null\nmode = null\nmount \"/a\" \"/b\" {}\n",
        Ok(least()),
    );
}

#[test]
fn every_kind_of_field_is_read() {
    let text = r#"
        image       = "busybox"
        extra-args  = ["-c"]
        retries     = "3"
        tags        = ["b", "a", "b"]
        environment = { A = 1 }
        mode        = "bridge"
        logging { kind = "local" }
        mount "/a" "/b" { readonly = true }
        host "z" "n" { kind = "x" }
        labels { p = "q" }
    "#;
    let logging = |kind: &str| Logging { kind: kind.to_owned() };
    let mut expected = least();
    expected.extra_args = Some(vec!["-c".to_owned()]);
    expected.retries = 3;
    expected.tags = ["a".to_owned(), "b".to_owned()].into();
    expected.env = [("A".to_owned(), "1".to_owned())].into();
    expected.mode = Mode::Bridge;
    expected.logging = Some(logging("local"));
    expected.mount[0].readonly = true;
    expected.host = [("z".to_owned(), [("n".to_owned(), logging("x"))].into())].into();
    expected.labels = Some([("p".to_owned(), "q".to_owned())].into());
    check(text, Ok(expected));
}

#[test]
fn what_the_schema_and_what_the_type_refuses_has_its_place() {
    let missing = decode_into::<Everything>(
        &Body::parse(Source::new("t", "extra_args = []\n".to_owned())).unwrap(),
        &Context::new(),
    )
    .unwrap_err();
    let text = missing.to_string();
    for part in [
        "Did you mean \"extra-args\"?",
        "\"image\" is required",
        "Insufficient mount blocks",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    check::<Everything>(
        "image = \"x\"\nretries = 300\nmount \"/a\" \"/b\" {}\n",
        Err("t:2:11: Incorrect attribute value; `retries`: expected u8, found another number."),
    );
}

#[test]
fn doc_comments_describe_the_options() {
    let table = export::markdown(&Everything::hcl_spec());
    assert!(
        table.contains("| `image` | string | required | What to run.  With a tag. |\n"),
        "{table}"
    );
    assert!(table.contains("| `retries` | number | `2` |  |\n"), "{table}");
    assert!(
        table.contains("| `mount` | blocks \"source\" \"target\", at most 2 | required |  |\n"),
        "{table}"
    );
    let schema = export::json_schema(&Everything::hcl_spec());
    assert_eq!(schema["required"], serde_json::json!(["image", "mount"]));
    assert_eq!(schema["properties"]["retries"]["default"], 2);
}

#[test]
fn a_name_for_reading_alone_is_the_name_in_the_schema() {
    #[derive(Debug, PartialEq, Deserialize, HclSpec)]
    #[serde(rename_all(deserialize = "kebab-case"))]
    struct Renamed {
        max_size: u8,
        #[serde(rename(serialize = "out", deserialize = "in"))]
        path: String,
    }
    check(
        "max-size = 1\nin = \"/a\"\n",
        Ok(Renamed {
            max_size: 1,
            path: "/a".to_owned(),
        }),
    );
}
