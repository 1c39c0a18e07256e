#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
const _: () = {
    use ::sepia::__private as __sepia;
    use __sepia::{
        AskNoReference as _, AskNoValue as _, AskReference as _, AskSet as _,
        AskValue as _,
    };
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
    impl __sepia::AsObject for Board {
        type __Object = Self;
        fn __object(__item: &Self) -> &Self {
            __item
        }
    }
    #[automatically_derived]
    impl __sepia::Object for Board {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::container("Board")
            .with_generations();
        const __IGNORE_UNKNOWN: ::core::primitive::bool = true;
        fn __id(__object: &Self) -> &__sepia::Id<Self> {
            <Id<Board> as __sepia::IdOf<Self>>::__id(&__object.id)
        }
        fn __id_mut(__object: &mut Self) -> &mut __sepia::Id<Self> {
            <Id<Board> as __sepia::IdOf<Self>>::__id_mut(&mut __object.id)
        }
        fn __write(
            __object: &Self,
            __writer: &mut __sepia::Writer<'_>,
        ) -> __sepia::Result<()> {
            __sepia::Codec::write(
                {
                    let __side = (&&&__sepia::Ask::<String>::NEW)
                        .__value(__sepia::NeitherSide);
                    let __side = (&&__sepia::Ask::<String>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    __side.__codec::<String>()
                },
                __writer,
                "name",
                &__object.name,
                false,
            )?;
            __sepia::Codec::write(
                {
                    let __side = (&&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
                        .__value(__sepia::NeitherSide);
                    let __side = (&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    let __side = (&&__sepia::Ask::<u8>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    let __side = (&&__sepia::Ask::<Note>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    __side.__codec::<Vec<(u8, Note)>>()
                },
                __writer,
                "notes",
                &__object.pairs,
                true,
            )?;
            __sepia::Codec::write(
                {
                    let __side = (&&&__sepia::Ask::<Note>::NEW)
                        .__value(__sepia::ValueSide);
                    __side.__codec::<Note>()
                },
                __writer,
                "copied",
                &__object.copied,
                false,
            )?;
            __sepia::Codec::write(
                <Note as __sepia::ReferenceField>::__codec(),
                __writer,
                "linked",
                &__object.linked,
                false,
            )?;
            ::core::result::Result::Ok(())
        }
        fn __read(
            __id: __sepia::Id<Self>,
            __reader: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            let __field0: String = __sepia::Codec::read(
                {
                    let __side = (&&&__sepia::Ask::<String>::NEW)
                        .__value(__sepia::NeitherSide);
                    let __side = (&&__sepia::Ask::<String>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    __side.__codec::<String>()
                },
                __reader,
                "name",
                ::core::option::Option::None,
            )?;
            let __field1: Vec<(u8, Note)> = __sepia::Codec::read(
                {
                    let __side = (&&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
                        .__value(__sepia::NeitherSide);
                    let __side = (&&__sepia::Ask::<Vec<(u8, Note)>>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    let __side = (&&__sepia::Ask::<u8>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    let __side = (&&__sepia::Ask::<Note>::NEW)
                        .__reference(__sepia::ReferenceSide, __side);
                    __side.__codec::<Vec<(u8, Note)>>()
                },
                __reader,
                "notes",
                {
                    let __function: fn() -> Vec<(u8, Note)> = none;
                    ::core::option::Option::Some(__function)
                },
            )?;
            let __field2: Note = __sepia::Codec::read(
                {
                    let __side = (&&&__sepia::Ask::<Note>::NEW)
                        .__value(__sepia::ValueSide);
                    __side.__codec::<Note>()
                },
                __reader,
                "copied",
                ::core::option::Option::None,
            )?;
            let __field3: Note = __sepia::Codec::read(
                <Note as __sepia::ReferenceField>::__codec(),
                __reader,
                "linked",
                ::core::option::Option::None,
            )?;
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
