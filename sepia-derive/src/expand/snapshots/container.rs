#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::use_self)]
const _: () = {
    use ::sepia::__private as __sepia;
    #[automatically_derived]
    impl __sepia::HoldsObjects for Board {}
    #[automatically_derived]
    impl __sepia::Item for Board {
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
    impl __sepia::OfClass for Board {
        const __CLASS: &'static ::core::primitive::str = "Board";
    }
    #[automatically_derived]
    impl __sepia::Object for Board {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::container("Board")
            .with_generations();
        const __IGNORE_UNKNOWN: ::core::primitive::bool = true;
        fn __id(__object: &Self) -> &__sepia::Id<Self> {
            <Id<Board> as __sepia::IdOf<Self>>::__id(&__object.id)
        }
        fn __write(
            __object: &Self,
            __writer: &mut __sepia::Writer<'_>,
        ) -> __sepia::Result<()> {
            {
                use __sepia::{
                    AskReference as _, AskSet as _, AskValue as _, AskNeither as _,
                };
                (&&&&__sepia::Ask::<String>::NEW)
                    .__side()
                    .__write::<
                        String,
                    >(__writer, "name", &__object.name, ::core::option::Option::None)?;
            }
            {
                use __sepia::{
                    AskReference as _, AskSet as _, AskValue as _, AskNeither as _,
                };
                (&&&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
                    .__side()
                    .__and((&&&&__sepia::Ask::<u8>::NEW).__side())
                    .__and((&&&&__sepia::Ask::<Note>::NEW).__side())
                    .__write::<
                        Vec<(u8, Note)>,
                    >(
                        __writer,
                        "notes",
                        &__object.pairs,
                        {
                            let __function: fn() -> Vec<(u8, Note)> = none;
                            ::core::option::Option::Some(__function)
                        },
                    )?;
            }
            {
                use __sepia::{AskSet as _, AskValue as _, AskNeither as _};
                (&&&&__sepia::Ask::<Note>::NEW)
                    .__side()
                    .__write::<
                        Note,
                    >(
                        __writer,
                        "copied",
                        &__object.copied,
                        ::core::option::Option::None,
                    )?;
            }
            {
                __sepia::ReferenceSide
                    .__write::<
                        Note,
                    >(
                        __writer,
                        "linked",
                        &__object.linked,
                        ::core::option::Option::None,
                    )?;
            }
            ::core::result::Result::Ok(())
        }
        fn __read(
            __id: __sepia::Id<Self>,
            __reader: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            let __field0: String = {
                use __sepia::{FillReference as _, FillValue as _, FillNothing as _};
                (&&&__sepia::Ask::<String>::NEW)
                    .__read(__reader, "name", ::core::option::Option::None)?
            };
            let __field1: Vec<(u8, Note)> = {
                use __sepia::{FillReference as _, FillValue as _, FillNothing as _};
                (&&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
                    .__read(
                        __reader,
                        "notes",
                        {
                            let __function: fn() -> Vec<(u8, Note)> = none;
                            ::core::option::Option::Some(__function)
                        },
                    )?
            };
            let __field2: Note = {
                use __sepia::{FillValue as _, FillNothing as _};
                (&&&__sepia::Ask::<Note>::NEW)
                    .__read(__reader, "copied", ::core::option::Option::None)?
            };
            let __field3: Note = {
                use __sepia::{FillReference as _, FillNothing as _};
                (&&&__sepia::Ask::<Note>::NEW)
                    .__read(__reader, "linked", ::core::option::Option::None)?
            };
            let __field4: Cache = <Cache as ::core::default::Default>::default();
            ::core::result::Result::Ok(Self {
                id: <Id<Board> as __sepia::IdOf<Self>>::__give(__id),
                name: __field0,
                pairs: __field1,
                copied: __field2,
                linked: __field3,
                cache: __field4,
            })
        }
    }
    #[automatically_derived]
    impl __sepia::Generations for Board {}
};
