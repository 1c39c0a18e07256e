#[doc(hidden)]
#[allow(deprecated, unused_imports, clippy::type_complexity, clippy::use_self)]
const _: () = {
    use ::sepia::__private as __sepia;
    use __sepia::{
        AskNoReference as _, AskNoValue as _, AskReference as _, AskSet as _,
        AskValue as _,
    };
    struct __Lent0<'__lent, T: Number, const N: usize>(
        &'__lent [T; N],
        ::core::marker::PhantomData<fn() -> Point<T, N>>,
    )
    where
        T::Unit: Clone,
        T: 'static;
    #[automatically_derived]
    impl<'__lent, T: Number, const N: usize> __sepia::serde::Serialize
    for __Lent0<'__lent, T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {
        fn serialize<__S: __sepia::serde::Serializer>(
            &self,
            __serializer: __S,
        ) -> ::core::result::Result<__S::Ok, __S::Error> {
            hex::serialize(self.0, __serializer)
        }
    }
    struct __Read0<T: Number, const N: usize>(
        [T; N],
        ::core::marker::PhantomData<fn() -> Point<T, N>>,
    )
    where
        T::Unit: Clone,
        T: 'static;
    #[automatically_derived]
    impl<'__de, T: Number, const N: usize> __sepia::serde::Deserialize<'__de>
    for __Read0<T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {
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
    impl<T: Number, const N: usize> __sepia::HoldsObjects for Point<T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {}
    #[automatically_derived]
    impl<T: Number, const N: usize> __sepia::Item for Point<T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {
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
    impl<T: Number, const N: usize> __sepia::OfClass for Point<T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {
        const __CLASS: &'static ::core::primitive::str = "Point";
    }
    #[automatically_derived]
    impl<T: Number, const N: usize> __sepia::AsObject for Point<T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {
        type __Object = Self;
        fn __object(__item: &Self) -> &Self {
            __item
        }
    }
    #[automatically_derived]
    impl<T: Number, const N: usize> __sepia::Object for Point<T, N>
    where
        T::Unit: Clone,
        T: 'static,
    {
        const __CLASS_DEF: __sepia::Class = __sepia::Class::serializable(
            "Point",
            __sepia::Format::Json,
        );
        fn __id(__object: &Self) -> &__sepia::Id<Self> {
            <Id<Self> as __sepia::IdOf<Self>>::__id(&__object.id)
        }
        fn __id_mut(__object: &mut Self) -> &mut __sepia::Id<Self> {
            <Id<Self> as __sepia::IdOf<Self>>::__id_mut(&mut __object.id)
        }
        fn __write(
            __object: &Self,
            __writer: &mut __sepia::Writer<'_>,
        ) -> __sepia::Result<()> {
            __writer
                .__value(
                    "axes",
                    &__Lent0::<T, N>(&__object.axes, ::core::marker::PhantomData),
                )?;
            ::core::result::Result::Ok(())
        }
        fn __read(
            __id: __sepia::Id<Self>,
            __reader: &mut __sepia::Reader<'_>,
        ) -> __sepia::Result<Self> {
            let __field0: [T; N] = match __reader
                .__value_if_any::<__Read0<T, N>>("axes")?
            {
                ::core::option::Option::Some(__read) => __read.0,
                ::core::option::Option::None => {
                    <[T; N] as ::core::default::Default>::default()
                }
            };
            ::core::result::Result::Ok(Self {
                id: <Id<Self> as __sepia::IdOf<Self>>::__give(__id),
                axes: __field0,
            })
        }
    }
};
