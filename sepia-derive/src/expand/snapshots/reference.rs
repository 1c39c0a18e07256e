#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
const _: () = {
    use ::sepia::__private as __sepia;
    #[automatically_derived]
    impl __sepia::HoldsObjects for Shape {}
    #[automatically_derived]
    impl __sepia::Item for Shape {
        fn __shown(__item: &Self) -> ::core::option::Option<&::core::primitive::str> {
            let _ = <Circle as __sepia::OfClass>::__CLASS;
            let _ = <Box<Square> as __sepia::OfClass>::__CLASS;
            match __item {
                Self::Circle(__object) => <Circle as __sepia::Item>::__shown(__object),
                Self::Square(__object) => {
                    <Box<Square> as __sepia::Item>::__shown(__object)
                }
            }
        }
        fn __encode(
            __item: &Self,
            __encoder: &mut __sepia::Encoder,
            __hidden: __sepia::Hidden,
        ) -> __sepia::Result<__sepia::Entry> {
            let _ = <Circle as __sepia::OfClass>::__CLASS;
            let _ = <Box<Square> as __sepia::OfClass>::__CLASS;
            match __item {
                Self::Circle(__object) => {
                    <Circle as __sepia::Item>::__encode(
                        __object,
                        __encoder,
                        __hidden.with_class(),
                    )
                }
                Self::Square(__object) => {
                    <Box<
                        Square,
                    > as __sepia::Item>::__encode(
                        __object,
                        __encoder,
                        __hidden.with_class(),
                    )
                }
            }
        }
        fn __decode(
            __found: __sepia::Found<'_>,
            __decoder: &__sepia::Decoder<'_>,
        ) -> __sepia::Result<Self> {
            let __class = __found
                .class(
                    __decoder,
                    &[
                        <Circle as __sepia::OfClass>::__CLASS,
                        <Box<Square> as __sepia::OfClass>::__CLASS,
                    ],
                )?;
            if __class == <Circle as __sepia::OfClass>::__CLASS {
                ::core::result::Result::Ok(
                    Self::Circle(
                        <Circle as __sepia::Item>::__decode(__found, __decoder)?,
                    ),
                )
            } else {
                ::core::result::Result::Ok(
                    Self::Square(
                        <Box<Square> as __sepia::Item>::__decode(__found, __decoder)?,
                    ),
                )
            }
        }
    }
    const _: () = ::core::assert!(
        __sepia::distinct(& [< Circle as __sepia::OfClass > ::__CLASS, < Box < Square >
        as __sepia::OfClass > ::__CLASS]),
        "two variants of `Shape` hold objects of one class, so the class could not tell which variant to load: keep one of the two, or give the other object's type a class of its own"
    );
};
