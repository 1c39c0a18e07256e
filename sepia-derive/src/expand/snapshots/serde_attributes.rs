#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
const _: () = {
    use ::sepia::__private as __sepia;
    use __sepia::{
        AskNoReference as _, AskNoValue as _, AskReference as _, AskSet as _,
        AskValue as _,
    };
    struct __Lent2<'__lent>(&'__lent u32, ::core::marker::PhantomData<fn() -> Settings>);
    #[automatically_derived]
    impl<'__lent> __sepia::serde::Serialize for __Lent2<'__lent> {
        fn serialize<__S: __sepia::serde::Serializer>(
            &self,
            __serializer: __S,
        ) -> ::core::result::Result<__S::Ok, __S::Error> {
            hex::serialize(self.0, __serializer)
        }
    }
    struct __Read2(u32, ::core::marker::PhantomData<fn() -> Settings>);
    #[automatically_derived]
    impl<'__de> __sepia::serde::Deserialize<'__de> for __Read2 {
        fn deserialize<__D: __sepia::serde::Deserializer<'__de>>(
            __deserializer: __D,
        ) -> ::core::result::Result<Self, __D::Error> {
            ::core::result::Result::map(
                hex::deserialize(__deserializer),
                |__field| Self(__field, ::core::marker::PhantomData),
            )
        }
    }
    #[automatically_derived]
    impl __sepia::HoldsObjects for Settings {}
    #[automatically_derived]
    impl __sepia::Item for Settings {
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
    impl __sepia::OfClass for Settings {
        const __CLASS: &'static ::core::primitive::str = "Settings";
    }
    #[automatically_derived]
    impl __sepia::AsObject for Settings {
        type __Object = Self;
        fn __object(__item: &Self) -> &Self {
            __item
        }
    }
    #[automatically_derived]
    impl __sepia::Object for Settings {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::serializable(
            "Settings",
            __sepia::Format::Json,
        );
        fn __id(__object: &Self) -> &__sepia::Id<Self> {
            <Id<Settings> as __sepia::IdOf<Self>>::__id(&__object.id)
        }
        fn __id_mut(__object: &mut Self) -> &mut __sepia::Id<Self> {
            <Id<Settings> as __sepia::IdOf<Self>>::__id_mut(&mut __object.id)
        }
        fn __write(
            __object: &Self,
            __writer: &mut __sepia::Writer<'_>,
        ) -> __sepia::Result<()> {
            __sepia::Codec::write(
                {
                    let __side = (&&&__sepia::Ask::<bool>::NEW)
                        .__value(__sepia::ValueSide);
                    let __side = (&&__sepia::Ask::<bool>::NEW)
                        .__reference(__sepia::FileReferenceSide, __side);
                    __side.__codec::<bool>()
                },
                __writer,
                "darkTheme",
                &__object.dark_theme,
                true,
            )?;
            __sepia::Codec::write(
                {
                    let __side = (&&&__sepia::Ask::<u8>::NEW)
                        .__value(__sepia::ValueSide);
                    let __side = (&&__sepia::Ask::<u8>::NEW)
                        .__reference(__sepia::FileReferenceSide, __side);
                    __side.__codec::<u8>()
                },
                __writer,
                "zoom",
                &__object.size,
                true,
            )?;
            __writer
                .__value(
                    "colourCode",
                    &__Lent2(&__object.colour_code, ::core::marker::PhantomData),
                )?;
            ::core::result::Result::Ok(())
        }
        fn __read(
            __id: __sepia::Id<Self>,
            __reader: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            let __default: Self = <Self as ::core::default::Default>::default();
            let __field0: bool = match __sepia::Codec::read_if_any(
                {
                    let __side = (&&&__sepia::Ask::<bool>::NEW)
                        .__value(__sepia::ValueSide);
                    let __side = (&&__sepia::Ask::<bool>::NEW)
                        .__reference(__sepia::FileReferenceSide, __side);
                    __side.__codec::<bool>()
                },
                __reader,
                "darkTheme",
            )? {
                ::core::option::Option::Some(__read) => __read,
                ::core::option::Option::None => __default.dark_theme,
            };
            let __field1: u8 = __sepia::Codec::read(
                {
                    let __side = (&&&__sepia::Ask::<u8>::NEW)
                        .__value(__sepia::ValueSide);
                    let __side = (&&__sepia::Ask::<u8>::NEW)
                        .__reference(__sepia::FileReferenceSide, __side);
                    __side.__codec::<u8>()
                },
                __reader,
                "zoom",
                {
                    let __function: fn() -> u8 = <u8 as ::core::default::Default>::default;
                    ::core::option::Option::Some(__function)
                },
            )?;
            let __field2: u32 = match __reader.__value_if_any::<__Read2>("colourCode")? {
                ::core::option::Option::Some(__read) => __read.0,
                ::core::option::Option::None => __default.colour_code,
            };
            let __field3: Cache = __default.cache;
            ::core::result::Result::Ok(Self {
                id: <Id<Settings> as __sepia::IdOf<Self>>::__give(__id),
                dark_theme: __field0,
                size: __field1,
                colour_code: __field2,
                cache: __field3,
            })
        }
    }
};
