//! `#[derive(HclSpec)]`: a Rust config struct is its own schema.
//!
//! Use it through `encamp-hclspec` with the feature `derive`, which documents the attributes at
//! `encamp_hclspec::HclSpec`, and `#[derive(HclType)]` for enums at `encamp_hclspec::HclType`.
#![forbid(unsafe_code)]

mod attributes;
mod choices;
mod expand;
mod field;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `HclType` for an enum of texts: see there.
#[proc_macro_derive(HclType)]
pub fn derive_hcl_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choices::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Implements `HclSpec`: see there.
#[proc_macro_derive(HclSpec, attributes(hcl))]
pub fn derive_hcl_spec(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand::expand(&input)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
