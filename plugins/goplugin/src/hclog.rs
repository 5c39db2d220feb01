//! `tracing` out as hclog: one JSON object a line on standard error, as hosts of go-plugin read it.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::{LookupSpan, Scope};

use self::timestamp::Timestamp;

mod timestamp;

/// Hosts read lines of up to 64 KiB; what is longer reaches them in pieces that they do not understand.
const LONGEST_LINE: usize = 60 * 1024;

/// As JSON, six times this.
const LONGEST_VALUE: usize = 8 * 1024;

/// Writes events as hclog writes them, to the standard error that the process was started with.
///
/// Fields of the event and of the spans around it are keys of the object; `@module` is the event's target with dots.
/// Nothing is written for a line that cannot be: a host that is gone costs the line and nothing else. What gRPC and the
/// layers below it say of themselves is left out, unless it is a warning: it would be many lines for each call.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let subscriber = tracing_subscriber::registry().with(encamp_goplugin::hclog::layer());
/// # drop(subscriber);
/// ```
#[derive(Debug)]
pub struct Hclog {
    most: LevelFilter,
}

/// Writes events of every level.
pub fn layer() -> Hclog {
    original_stderr();
    Hclog {
        most: LevelFilter::TRACE,
    }
}

/// Makes the process log events up to `level` as hclog, unless it logs somewhere already.
pub fn init(level: LevelFilter) {
    let subscriber = tracing_subscriber::registry().with(layer().up_to(level));
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The standard error that the process was started with; no child inherits this descriptor of it.
pub(crate) fn original_stderr() -> Option<&'static File> {
    static ORIGINAL: OnceLock<Option<File>> = OnceLock::new();
    ORIGINAL
        .get_or_init(|| {
            rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3)
                .ok()
                .map(File::from)
        })
        .as_ref()
}

/// Writes whole lines. There is nobody to tell that it has failed.
pub(crate) fn write(lines: &[u8]) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    drop(original_stderr().map(|mut stderr| stderr.write_all(lines)));
}

/// Tells the host why the plugin ends.
pub(crate) fn fatal(error: &dyn Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    write(&line(
        Level::ERROR,
        "plugin",
        &text,
        Fields::default(),
        SystemTime::now(),
    ));
}

// === impl Hclog ===

impl Hclog {
    /// Leaves out events that are finer than `level`.
    #[must_use]
    pub fn up_to(self, level: LevelFilter) -> Self {
        Self { most: level }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Hclog {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let most = if is_of_transport(metadata.target()) {
            LevelFilter::WARN
        } else {
            LevelFilter::TRACE
        };
        *metadata.level() <= self.most.min(most)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.most)
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(Scope::from_root) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        event.record(&mut fields);
        let message = fields.0.remove("message");
        let message = message.as_ref().and_then(Value::as_str).unwrap_or_default();
        let metadata = event.metadata();
        write(&line(
            *metadata.level(),
            metadata.target(),
            message,
            fields,
            SystemTime::now(),
        ));
    }
}

fn is_of_transport(target: &str) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    matches!(
        name,
        "h2" | "hyper" | "hyper_util" | "rustls" | "tokio" | "tonic" | "tower" | "yamux"
    )
}

/// One line, as a host reads it: the keys with an @ are strings in any case, for some hosts break where they are not.
fn line(level: Level, target: &str, message: &str, fields: Fields, now: SystemTime) -> Vec<u8> {
    let level = match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    };
    let mut object = fields.0;
    object.insert("@level".to_owned(), level.into());
    object.insert("@message".to_owned(), shorten(message).into());
    object.insert("@module".to_owned(), target.replace("::", ".").into());
    object.insert("@timestamp".to_owned(), Timestamp(now).to_string().into());
    let mut line = serde_json::to_vec(&object).unwrap_or_default();
    if line.len() > LONGEST_LINE {
        object.retain(|key, _| key.starts_with('@'));
        line = serde_json::to_vec(&object).unwrap_or_default();
    }
    line.push(b'\n');
    line
}

fn shorten(text: &str) -> String {
    if text.len() <= LONGEST_VALUE {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST_VALUE);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// The fields of an event or a span.
#[derive(Debug, Default)]
struct Fields(Map<String, Value>);

impl Fields {
    /// Keys with an @ are hclog's own.
    fn insert(&mut self, field: &Field, value: Value) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name).trim_start_matches('@');
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, shorten(&format!("{value:?}")).into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, shorten(value).into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.insert(field, shorten(&value.to_string()).into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value.into());
    }
}

#[cfg(test)]
mod tests;
