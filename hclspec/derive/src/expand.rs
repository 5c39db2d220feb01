//! The implementation for a struct.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Fields};

use crate::attributes::StructSays;
use crate::field;

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(syn::Error::new_spanned(&input.ident, "a schema is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(syn::Error::new_spanned(
            &input.ident,
            "a schema is a struct with named fields",
        ));
    };
    let says = StructSays::read(&input.attrs)?;
    let mut labels = 0;
    let mut parts = Vec::new();
    for field in &fields.named {
        parts.extend(field::part(field, &says, &mut labels)?);
    }
    let parts = parts.iter().map(|part| {
        let (key, spec) = (&part.key, &part.spec);
        quote!((#key, #spec))
    });
    let check = says
        .check
        .as_ref()
        .map(|check| quote!(.validated(::encamp_hclspec::spec::Check::new(#check))));
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::encamp_hclspec::HclSpec for #name #type_generics #where_clause {
            fn hcl_spec() -> ::encamp_hclspec::Spec {
                let parts: ::std::vec::Vec<(&'static str, ::encamp_hclspec::Spec)> = ::std::vec![#(#parts),*];
                ::encamp_hclspec::Spec::object(parts)#check
            }
        }
    })
}
