//! The implementation for an enum of texts.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Fields, Meta, Token, Variant};

use crate::attributes::{StructSays, name_to_read};

/// What serde's attributes say of a variant.
#[derive(Default)]
struct VariantSays {
    rename: Option<String>,
    aliases: Vec<String>,
    skip: bool,
    /// Whatever is none of the others is this.
    other: bool,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Enum(data) = &input.data else {
        return Err(syn::Error::new_spanned(
            &input.ident,
            "an argument of several texts is an enum; a struct is a schema of its own, by `HclSpec`",
        ));
    };
    let around = StructSays::read(&input.attrs)?;
    let mut texts = Vec::new();
    let mut is_open = false;
    for variant in &data.variants {
        let says = VariantSays::read(&variant.attrs)?;
        is_open |= says.other;
        if !says.skip && !says.other {
            texts.push(name(variant, &says, around.rename_all.as_deref())?);
            texts.extend(says.aliases);
        }
    }
    let check = if is_open {
        quote!(::core::option::Option::None)
    } else {
        quote!(::core::option::Option::Some(::encamp_hclspec::spec::Check::one_of([#(#texts),*])))
    };
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::encamp_hclspec::HclType for #name #type_generics #where_clause {
            fn hcl_type() -> ::encamp_hclspec::Type {
                ::encamp_hclspec::Type::String
            }

            fn hcl_check() -> ::core::option::Option<::encamp_hclspec::spec::Check> {
                #check
            }
        }
    })
}

fn name(variant: &Variant, says: &VariantSays, rule: Option<&str>) -> syn::Result<String> {
    if !matches!(variant.fields, Fields::Unit) {
        return Err(syn::Error::new_spanned(variant, "a variant with fields is no text"));
    }
    let plain = variant.ident.to_string();
    let plain = plain.strip_prefix("r#").unwrap_or(&plain);
    match (&says.rename, rule) {
        (Some(name), _) => Ok(name.clone()),
        (None, Some(rule)) => renamed(plain, rule).ok_or_else(|| {
            let message = format!("the renaming rule {rule:?} is not known to HclType");
            syn::Error::new_spanned(&variant.ident, message)
        }),
        (None, None) => Ok(plain.to_owned()),
    }
}

impl VariantSays {
    fn read(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut says = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            for meta in attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                let path = meta.path();
                if path.is_ident("skip") || path.is_ident("skip_deserializing") {
                    says.skip = true;
                } else if path.is_ident("other") {
                    says.other = true;
                } else if path.is_ident("alias") {
                    says.aliases.extend(name_to_read(&meta)?);
                } else if path.is_ident("rename") {
                    says.rename = name_to_read(&meta)?.or(says.rename);
                }
            }
        }
        Ok(says)
    }
}

/// A name by one of serde's rules; names of variants are Pascal case.
fn renamed(name: &str, rule: &str) -> Option<String> {
    let separated = |separator: char| {
        let mut text = String::new();
        for (index, letter) in name.chars().enumerate() {
            if index > 0 && letter.is_uppercase() {
                text.push(separator);
            }
            text.push(letter.to_ascii_lowercase());
        }
        text
    };
    Some(match rule {
        "PascalCase" => name.to_owned(),
        "lowercase" => name.to_ascii_lowercase(),
        "UPPERCASE" => name.to_ascii_uppercase(),
        "snake_case" => separated('_'),
        "kebab-case" => separated('-'),
        "SCREAMING_SNAKE_CASE" => separated('_').to_ascii_uppercase(),
        "SCREAMING-KEBAB-CASE" => separated('-').to_ascii_uppercase(),
        "camelCase" => {
            let (first, rest) = name.split_at_checked(1)?;
            first.to_ascii_lowercase() + rest
        }
        _ => return None,
    })
}
