//! One field as one part of the spec.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Field, GenericArgument, PathArguments, Type};

use crate::attributes::{FieldSays, StructSays};

/// A part of the spec: its key, which is the name that serde knows, and what makes it.
pub(crate) struct Part {
    pub(crate) key: String,
    pub(crate) spec: TokenStream,
}

/// The part that a field is; none where it is skipped. `labels` counts the labels before it.
pub(crate) fn part(field: &Field, around: &StructSays, labels: &mut usize) -> syn::Result<Option<Part>> {
    let Some(ident) = &field.ident else {
        return Err(syn::Error::new_spanned(field, "a field of a schema has a name"));
    };
    let says = FieldSays::read(&field.attrs)?;
    if says.skip {
        return Ok(None);
    }
    let plain = ident.to_string();
    let plain = plain.strip_prefix("r#").unwrap_or(&plain);
    let key = match (&says.rename, &around.rename_all) {
        (Some(name), _) => name.clone(),
        (None, Some(rule)) => renamed(plain, rule).ok_or_else(|| {
            syn::Error::new_spanned(ident, format!("the renaming rule {rule:?} is not known to HclSpec"))
        })?,
        (None, None) => plain.to_owned(),
    };
    let spec = if says.label {
        let index = *labels;
        *labels += 1;
        quote!(::encamp_hclspec::Spec::block_label(#index, #key))
    } else if says.span {
        quote!(::encamp_hclspec::Spec::BlockPlace)
    } else {
        spec(field, &says, &key, around.optional)?
    };
    let spec = match &says.check {
        Some(check) => quote!(#spec.validated(::encamp_hclspec::spec::Check::new(#check))),
        None => spec,
    };
    let spec = described(spec, &says.doc);
    Ok(Some(Part { key, spec }))
}

fn described(spec: TokenStream, doc: &str) -> TokenStream {
    let doc = doc.trim();
    if doc.is_empty() {
        spec
    } else {
        quote!(#spec.described(#doc))
    }
}

fn spec(field: &Field, says: &FieldSays, key: &str, all_optional: bool) -> syn::Result<TokenStream> {
    let inner = inner_of(&field.ty, &["Option"]);
    let is_optional = inner.is_some() || says.optional || all_optional || says.default.is_some();
    let ty = inner.unwrap_or(&field.ty);
    let mut spec = if says.block {
        block(field, ty, says, key)?
    } else if says.attrs {
        let Some(element) = inner_of(ty, MAPS) else {
            let message = "a block of free arguments is a map: HashMap, BTreeMap or IndexMap";
            return Err(syn::Error::new_spanned(ty, message));
        };
        quote!(::encamp_hclspec::Spec::block_attrs(#key, <#element as ::encamp_hclspec::HclType>::hcl_type()))
    } else {
        let ty = if let Some(ty) = &says.ty {
            quote!(#ty)
        } else {
            quote!(<#ty as ::encamp_hclspec::HclType>::hcl_type())
        };
        quote!(::encamp_hclspec::Spec::attr(#key, #ty))
    };
    let is_plain = !says.block && !says.attrs && says.ty.is_none();
    // Any number of blocks may be none.
    let is_counted = says.block && (inner_of(ty, LISTS).is_some() || inner_of(ty, MAPS).is_some());
    if !is_optional && !is_counted {
        spec = quote!(#spec.required());
    }
    if let Some(value) = &says.default {
        spec = quote!(::encamp_hclspec::Spec::default_value(#spec, #value));
    }
    if is_plain {
        spec = quote!(#spec.checked(<#ty as ::encamp_hclspec::HclType>::hcl_check()));
    }
    Ok(spec)
}

fn block(field: &Field, ty: &Type, says: &FieldSays, key: &str) -> syn::Result<TokenStream> {
    let nested = |ty: &Type| quote!(<#ty as ::encamp_hclspec::HclSpec>::hcl_spec());
    if !says.labels.is_empty() {
        let mut element = ty;
        for _ in &says.labels {
            element = inner_of(element, MAPS)
                .ok_or_else(|| syn::Error::new_spanned(&field.ty, "each label is one level of maps"))?;
        }
        let (labels, nested) = (&says.labels, nested(element));
        return Ok(quote!(::encamp_hclspec::Spec::block_map(#key, [#(#labels),*], #nested)));
    }
    let Some(element) = inner_of(ty, LISTS) else {
        let nested = nested(ty);
        return Ok(quote!(::encamp_hclspec::Spec::block(#key, #nested)));
    };
    let nested = nested(element);
    let min = says.min.as_ref().map_or_else(|| quote!(0), |min| quote!(#min));
    let limited = match (&says.max, says.set) {
        (Some(max), true) => quote!(block_set_limited(#key, #min, #max, #nested)),
        (Some(max), false) => quote!(block_list_limited(#key, #min, #max, #nested)),
        (None, true) => quote!(block_set(#key, #nested)),
        (None, false) => quote!(block_list(#key, #nested)),
    };
    let at_least = (says.max.is_none() && says.min.is_some()).then(|| quote!(.at_least(#min)));
    Ok(quote!(::encamp_hclspec::Spec::#limited #at_least))
}

const LISTS: &[&str] = &["Vec", "VecDeque", "BTreeSet", "HashSet", "IndexSet"];
const MAPS: &[&str] = &["HashMap", "BTreeMap", "IndexMap"];

/// The last type parameter of a type with one of these names.
fn inner_of<'t>(ty: &'t Type, names: &[&str]) -> Option<&'t Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    if !names.iter().any(|name| last.ident == name) {
        return None;
    }
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    // The third parameter of a map is its hasher.
    let count = if names == MAPS { 2 } else { 1 };
    types.take(count).last()
}

/// A name by one of serde's rules; names of fields are snake case.
fn renamed(name: &str, rule: &str) -> Option<String> {
    let words = || name.split('_').filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut chars = word.chars();
        let first = chars.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    };
    Some(match rule {
        "snake_case" | "lowercase" => name.to_owned(),
        "kebab-case" => name.replace('_', "-"),
        "SCREAMING_SNAKE_CASE" | "UPPERCASE" => name.to_ascii_uppercase(),
        "SCREAMING-KEBAB-CASE" => name.replace('_', "-").to_ascii_uppercase(),
        "PascalCase" => words().map(capital).collect(),
        "camelCase" => words()
            .enumerate()
            .map(|(index, word)| if index == 0 { word.to_owned() } else { capital(word) })
            .collect(),
        _ => return None,
    })
}
