//! What `#[hcl(..)]`, `#[serde(..)]` and doc comments say.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitInt, LitStr, Meta, MetaNameValue, Token};

/// What is said of a field.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word that may be there or not")]
pub(crate) struct FieldSays {
    pub(crate) rename: Option<String>,
    pub(crate) skip: bool,
    /// Missing is fine, since serde fills it in.
    pub(crate) optional: bool,
    pub(crate) default: Option<Expr>,
    pub(crate) block: bool,
    pub(crate) attrs: bool,
    pub(crate) label: bool,
    pub(crate) span: bool,
    pub(crate) check: Option<syn::Path>,
    pub(crate) set: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) min: Option<LitInt>,
    pub(crate) max: Option<LitInt>,
    pub(crate) ty: Option<Expr>,
    pub(crate) doc: String,
}

/// What is said of a struct.
#[derive(Default)]
pub(crate) struct StructSays {
    pub(crate) rename_all: Option<String>,
    pub(crate) optional: bool,
    pub(crate) check: Option<syn::Path>,
}

impl StructSays {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut says = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("hcl")) {
            attribute.parse_nested_meta(|meta| {
                if !meta.path.is_ident("check") {
                    return Err(meta.error("expected: check = .."));
                }
                says.check = Some(meta.value()?.parse()?);
                Ok(())
            })?;
        }
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                if meta.path().is_ident("default") {
                    says.optional = true;
                } else if meta.path().is_ident("rename_all") {
                    says.rename_all = name_to_read(&meta)?.or(says.rename_all);
                }
            }
        }
        Ok(says)
    }
}

impl FieldSays {
    pub(crate) fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut says = Self::default();
        for attribute in attributes {
            if attribute.path().is_ident("doc") {
                says.doc(attribute)?;
            } else if attribute.path().is_ident("serde") {
                says.serde(attribute)?;
            } else if attribute.path().is_ident("hcl") {
                says.hcl(attribute)?;
            }
        }
        Ok(says)
    }

    fn doc(&mut self, attribute: &Attribute) -> syn::Result<()> {
        let line = text(&attribute.meta.require_name_value()?.value)?;
        if !self.doc.is_empty() {
            self.doc.push('\n');
        }
        self.doc.push_str(line.strip_prefix(' ').unwrap_or(&line));
        Ok(())
    }

    fn serde(&mut self, attribute: &Attribute) -> syn::Result<()> {
        for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
            if meta.path().is_ident("default") {
                self.optional = true;
            } else if meta.path().is_ident("skip") || meta.path().is_ident("skip_deserializing") {
                self.skip = true;
            } else if meta.path().is_ident("rename") {
                self.rename = name_to_read(&meta)?.or(self.rename.take());
            } else if meta.path().is_ident("flatten") {
                return Err(syn::Error::new_spanned(
                    meta,
                    "a flattened field has no place in a schema",
                ));
            }
        }
        Ok(())
    }

    fn hcl(&mut self, attribute: &Attribute) -> syn::Result<()> {
        attribute.parse_nested_meta(|meta| {
            let flag = |ident: &str| meta.path.is_ident(ident);
            if flag("block") {
                self.block = true;
            } else if flag("attrs") {
                self.attrs = true;
            } else if flag("label") {
                self.label = true;
            } else if flag("span") {
                self.span = true;
            } else if flag("check") {
                self.check = Some(meta.value()?.parse()?);
            } else if flag("set") {
                self.set = true;
            } else if flag("skip") {
                self.skip = true;
            } else if flag("optional") {
                self.optional = true;
            } else if flag("default") {
                self.default = Some(meta.value()?.parse()?);
            } else if flag("min") {
                self.min = Some(meta.value()?.parse()?);
            } else if flag("max") {
                self.max = Some(meta.value()?.parse()?);
            } else if flag("type") {
                self.ty = Some(meta.value()?.parse()?);
            } else if flag("labels") {
                let content;
                syn::parenthesized!(content in meta.input);
                let labels = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
                self.labels = labels.iter().map(LitStr::value).collect();
            } else {
                return Err(meta.error(
                    "expected one of: block, attrs, label, labels(\"..\"), set, min = .., max = .., default = .., \
                     optional, type = .., span, check = .., skip",
                ));
            }
            Ok(())
        })
    }
}

/// The name that serde reads by: of `rename = "a"` and of `rename(serialize = "b", deserialize = "a")`.
pub(crate) fn name_to_read(meta: &Meta) -> syn::Result<Option<String>> {
    match meta {
        Meta::NameValue(pair) => text(&pair.value).map(Some),
        Meta::List(list) => {
            let pairs = list.parse_args_with(Punctuated::<MetaNameValue, Token![,]>::parse_terminated)?;
            let read = pairs.iter().find(|pair| pair.path.is_ident("deserialize"));
            read.map(|pair| text(&pair.value)).transpose()
        }
        Meta::Path(_) => Ok(None),
    }
}

fn text(expr: &Expr) -> syn::Result<String> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text), ..
        }) => Ok(text.value()),
        other => Err(syn::Error::new_spanned(other, "expected a string")),
    }
}
