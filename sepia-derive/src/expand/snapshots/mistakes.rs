::core::compile_error! {
    "what is loaded owns its data and cannot borrow: use an owned type such as `String`, and drop the lifetime"
}
::core::compile_error! {
    "an object has an id: add the field `id: Id<Board<'a>>`, or mark the field that is it with `#[sepia(id)]`"
}
#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
const _: () = {
    use ::sepia::__private as __sepia;
    #[automatically_derived]
    impl<'a> __sepia::HoldsObjects for Board<'a>
    where
        Board<'a>: 'static,
    {}
    #[automatically_derived]
    impl<'a> __sepia::Item for Board<'a>
    where
        Board<'a>: 'static,
    {
        fn __shown(_: &Self) -> ::core::option::Option<&::core::primitive::str> {
            loop {}
        }
        fn __encode(
            _: &Self,
            _: &mut __sepia::Encoder,
            _: __sepia::Hidden,
        ) -> __sepia::Result<__sepia::Entry> {
            loop {}
        }
        fn __decode(
            _: __sepia::Found<'_>,
            _: &__sepia::Decoder<'_>,
        ) -> __sepia::Result<Self> {
            loop {}
        }
    }
    #[automatically_derived]
    impl<'a> __sepia::OfClass for Board<'a>
    where
        Board<'a>: 'static,
    {
        const __CLASS: &'static ::core::primitive::str = "Board";
    }
    #[automatically_derived]
    impl<'a> __sepia::AsObject for Board<'a>
    where
        Board<'a>: 'static,
    {
        type __Object = Self;
        fn __object(__item: &Self) -> &Self {
            __item
        }
    }
    #[automatically_derived]
    impl<'a> __sepia::Object for Board<'a>
    where
        Board<'a>: 'static,
    {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::container("");
        fn __id(_: &Self) -> &__sepia::Id<Self> {
            loop {}
        }
        fn __id_mut(_: &mut Self) -> &mut __sepia::Id<Self> {
            loop {}
        }
        fn __write(_: &Self, _: &mut __sepia::Writer<'_>) -> __sepia::Result<()> {
            loop {}
        }
        fn __read(
            _: __sepia::Id<Self>,
            _: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            loop {}
        }
    }
    #[automatically_derived]
    impl<'a> __sepia::Generations for Board<'a>
    where
        Board<'a>: 'static,
    {}
};
