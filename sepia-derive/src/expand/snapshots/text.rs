#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
const _: () = {
    use library::sepia::__private as __sepia;
    #[automatically_derived]
    impl __sepia::HoldsObjects for Postit {}
    #[automatically_derived]
    impl __sepia::Item for Postit {
        fn __shown(__item: &Self) -> ::core::option::Option<&::core::primitive::str> {
            __sepia::shown(__item)
        }
        fn __encode(
            __item: &Self,
            __encoder: &mut __sepia::Encoder,
            __hidden: __sepia::Hidden,
        ) -> __sepia::Result<__sepia::Entry> {
            __sepia::encode_object(__item, __encoder, __hidden)
        }
        fn __decode(
            __found: __sepia::Found<'_>,
            __decoder: &__sepia::Decoder<'_>,
        ) -> __sepia::Result<Self> {
            __sepia::decode_object(__found, __decoder)
        }
    }
    #[automatically_derived]
    impl __sepia::OfClass for Postit {
        const __CLASS: &'static ::core::primitive::str = "Postit";
    }
    #[automatically_derived]
    impl __sepia::AsObject for Postit {
        type __Object = Self;
        fn __object(__item: &Self) -> &Self {
            __item
        }
    }
    #[automatically_derived]
    impl __sepia::Object for Postit {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::serializable(
            "Postit",
            __sepia::Format::Text,
        );
        fn __id(__object: &Self) -> &__sepia::Id<Self> {
            <Id<Postit> as __sepia::IdOf<Self>>::__id(&__object.key)
        }
        fn __id_mut(__object: &mut Self) -> &mut __sepia::Id<Self> {
            <Id<Postit> as __sepia::IdOf<Self>>::__id_mut(&mut __object.key)
        }
        fn __write(
            __object: &Self,
            __writer: &mut __sepia::Writer<'_>,
        ) -> __sepia::Result<()> {
            <String as __sepia::Text>::__write(&__object.text, __writer);
            ::core::result::Result::Ok(())
        }
        fn __read(
            __id: __sepia::Id<Self>,
            __reader: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            let __field0: String = <String as __sepia::Text>::__read(__reader)?;
            ::core::result::Result::Ok(Self {
                key: <Id<Postit> as __sepia::IdOf<Self>>::__give(__id),
                text: __field0,
            })
        }
    }
};
