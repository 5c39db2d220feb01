//! A table of options.

use std::fmt::Write as _;

use super::options::{Choice, Form, choices};
use crate::{Spec, Type};

/// The options of a spec as Markdown: a table, and one more for each kind of block below it.
///
/// ```
/// use encamp_hclspec::{Spec, Type, export};
///
/// let memory = Spec::default_value(Spec::attr("memory", Type::Number).described("In MiB."), 64);
/// assert_eq!(
///     export::markdown(&Spec::object([("memory", memory)])),
///     "| option | type | default | what it does |\n|---|---|---|---|\n| `memory` | number | `64` | In MiB. |\n"
/// );
/// ```
pub fn markdown(spec: &Spec) -> String {
    let mut text = String::new();
    table(&choices(spec), &mut Vec::new(), &mut text);
    text
}

fn table<'s>(choices: &[Choice<'s>], path: &mut Vec<&'s str>, text: &mut String) {
    if !choices.is_empty() {
        text.push_str("| option | type | default | what it does |\n|---|---|---|---|\n");
    }
    for choice in choices {
        let default = match (choice.required, choice.default) {
            (true, _) => "required".to_owned(),
            (false, Some(value)) => format!("`{}`", cell(&Spec::literal_text(value))),
            (false, None) => String::new(),
        };
        let _ = writeln!(
            text,
            "| `{}` | {} | {default} | {} |",
            choice.name,
            cell(&kind(choice)),
            cell(choice.description.unwrap_or_default())
        );
    }
    for choice in choices {
        let Form::Block { nested, .. } = &choice.form else {
            continue;
        };
        path.push(choice.name);
        let _ = writeln!(text, "\n### `{}`\n", path.join("."));
        table(nested, path, text);
        path.pop();
    }
}

fn kind(choice: &Choice<'_>) -> String {
    match &choice.form {
        Form::Argument(_) if !choice.texts.is_empty() => {
            let texts: Vec<String> = choice.texts.iter().map(|text| format!("`{text}`")).collect();
            texts.join(" or ")
        }
        Form::Argument(ty) => type_name(ty),
        Form::Free(ty) => format!("block of {} by any name", plural(ty)),
        Form::Block { labels, max, .. } => {
            let labels: String = labels
                .iter()
                .fold(String::new(), |text, label| text + " \"" + label + "\"");
            match max {
                Some(1) => format!("block{labels}"),
                Some(max) => format!("blocks{labels}, at most {max}"),
                None => format!("blocks{labels}"),
            }
        }
    }
}

fn type_name(ty: &Type) -> String {
    match ty {
        Type::List(element) | Type::Set(element) => format!("list of {}", plural(element)),
        Type::Map(element) => format!("map of {}", plural(element)),
        other => other.to_string(),
    }
}

fn plural(ty: &Type) -> String {
    match ty {
        Type::String => "strings".to_owned(),
        Type::Number => "numbers".to_owned(),
        Type::Bool => "bools".to_owned(),
        Type::Any => "anything".to_owned(),
        Type::List(element) | Type::Set(element) => format!("lists of {}", plural(element)),
        Type::Map(element) => format!("maps of {}", plural(element)),
        other => other.to_string(),
    }
}

/// Text that stays within its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace("\r\n", " ").replace('\n', " ")
}
