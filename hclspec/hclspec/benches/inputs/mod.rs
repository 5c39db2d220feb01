//! Texts of four shapes in any size, and the specs that they are for.

use std::fmt::Write as _;

/// A shape of text: a piece of it, to be repeated, and the spec of the whole.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) spec: fn() -> String,
    piece: fn(&mut String, usize),
}

pub(crate) const SHAPES: [Shape; 4] = [
    Shape {
        name: "labelled blocks",
        spec: || LABELLED.to_owned(),
        piece: labelled,
    },
    Shape {
        name: "nested blocks with expressions",
        spec: || NESTED.to_owned(),
        piece: nested,
    },
    Shape {
        name: "long strings",
        spec: || STRINGS.to_owned(),
        piece: strings,
    },
    Shape {
        name: "deep nesting",
        spec: deep_spec,
        piece: deep,
    },
];

impl Shape {
    /// A text of at least this many bytes, and of one piece more at most.
    pub(crate) fn text(self, size: usize) -> String {
        let mut text = String::with_capacity(size + size / 8);
        let mut index = 0;
        while text.len() < size {
            (self.piece)(&mut text, index);
            index += 1;
        }
        text
    }
}

const LABELLED: &str = r#"
object {
  block_map "service" {
    labels = ["name"]
    object {
      attr "image" {
        type     = string
        required = true
      }
      attr "count" {
        type = number
      }
      attr "enabled" {
        type = bool
      }
      attr "ports" {
        type = list(number)
      }
      attr "env" {
        type = map(string)
      }
    }
  }
}
"#;

fn labelled(text: &mut String, index: usize) {
    let piece = format!(
        r#"service "web-{index}" {{
  image   = "registry.example/web:{index}"
  count   = {index}
  enabled = true
  ports   = [8080, 8443]
  env = {{
    PATH  = "/usr/local/bin:/bin"
    INDEX = "{index}"
  }}
}}

"#
    );
    text.push_str(&piece);
}

const NESTED: &str = r#"
object {
  block_list "group" {
    object {
      attr "name" {
        type = string
      }
      block_list "task" {
        object {
          attr "args" {
            type = list(string)
          }
          attr "memory" {
            type = number
          }
          attr "ports" {
            type = map(number)
          }
          block "logging" {
            object {
              attr "size" {
                type = string
              }
              attr "options" {
                type = map(string)
              }
            }
          }
        }
      }
    }
  }
}
"#;

fn nested(text: &mut String, index: usize) {
    let piece = format!(
        r#"group {{
  name = "group ${{1 + {index}}}"
  task {{
    args   = ["-c", "echo ${{{index} % 2 == 0 ? "even" : "odd"}} && sleep ${{1 + {index}}}", "plain"]
    memory = ({index} * 2 > 64 ? {index} * 2 : 64) + 1
    ports  = {{ for name in ["http", "admin"] : name => {index} + 8000 if name != "none" }}
    # A comment.
    logging {{
      size = "${{{index} / 2}}m"
      options = {{
        tag  = ["a", "tag-${{-{index}}}"][1]
        both = true && {index} > 3 ? "yes" : "no"
      }}
    }}
  }}
}}
"#
    );
    text.push_str(&piece);
}

const STRINGS: &str = r#"
object {
  block_list "file" {
    object {
      attr "line" {
        type = string
      }
      attr "content" {
        type = string
      }
    }
  }
}
"#;

fn strings(text: &mut String, index: usize) {
    let line = "The quick brown fox jumps over the lazy dog, and does so again. ".repeat(16);
    let _ = write!(
        text,
        "file {{\n  line    = \"{line}\\n{index}\"\n  content = <<EOT\n{line}\n{line}\nEOT\n}}\n"
    );
}

const LEVELS: usize = 12;

fn deep_spec() -> String {
    let mut spec = String::from("object {\nblock_list \"level\" {\nobject {\n");
    for _ in 1..LEVELS {
        spec.push_str("block \"level\" {\nobject {\n");
    }
    spec.push_str("attr \"deep\" {\n type = any\n}\n");
    spec.push_str(&"}\n}\n".repeat(LEVELS));
    spec.push_str("}\n");
    spec
}

fn deep(text: &mut String, index: usize) {
    text.push_str(&"level {\n".repeat(LEVELS));
    let _ = writeln!(text, "deep = {}{index}{}", "[{a = (".repeat(6), ")}]".repeat(6));
    text.push_str(&"}\n".repeat(LEVELS));
}
