//! The shapes that objects can take: a drawing with shapes of several classes, layers in maps, shared
//! colours, tags in a set, links between drawings, and a file format of its own.
//!
//! ```text
//! cargo run --example live_types    # into ./target/live_types
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use sepia::{Container, Content, ErrorKind, Id, Ref, Reference, Serializable, Store};

#[path = "support/tree.rs"]
mod tree;

#[derive(Container, Debug, PartialEq)]
struct Drawing {
    id: Id<Drawing>,
    title: String,
    palette: BTreeMap<String, Arc<Colour>>, // a map: each entry is named by its key
    layers: BTreeMap<i32, Layer>,           // the keys can be numbers
    tags: BTreeSet<Tag>,                    // a set: each entry is named by its id
    remarks: Option<Vec<Label>>,            // `Some(vec![])` is not `None`, and comes back as what it was
    similar: BTreeSet<Ref<Drawing>>,        // links: their targets load when asked, and cycles are fine
}

#[derive(Container, Debug, PartialEq)]
struct Layer {
    id: Id<Layer>,
    opacity: f64,
    shapes: Vec<Shape>,
}

/// One list holds objects of several classes: each variant is a class.
#[derive(Reference, Debug, PartialEq)]
enum Shape {
    Circle(Circle),
    Polygon(Polygon),
    Label(Label),
    Group(Box<Layer>),
}

#[derive(Container, Debug, PartialEq)]
struct Circle {
    id: Id<Circle>,
    centre: (f64, f64),
    radius: f64,
    fill: Arc<Colour>, // shared: one file, and after loading one allocation
}

#[derive(Container, Debug, PartialEq)]
struct Polygon {
    id: Id<Polygon>,
    points: Vec<(f64, f64)>,
    fill: Option<Arc<Colour>>,
}

#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "text")]
struct Label {
    id: Id<Label>,
    text: String,
}

#[derive(Serializable, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tag {
    id: Id<Tag>,
    weight: u8,
}

/// A file of this format: `#aabbcc`.
#[derive(Serializable, Debug, PartialEq)]
#[sepia(content = "custom")]
struct Colour {
    id: Id<Colour>,
    rgb: [u8; 3],
}

impl Content for Colour {
    fn to_sepia(&self) -> sepia::Result<Vec<u8>> {
        let [r, g, b] = self.rgb;
        Ok(format!("#{r:02x}{g:02x}{b:02x}\n").into_bytes())
    }

    fn from_sepia(id: Id<Self>, content: &[u8]) -> sepia::Result<Self> {
        let hex = std::str::from_utf8(content).ok().and_then(|text| text.trim_end().strip_prefix('#'));
        match hex.filter(|hex| hex.len() == 6).and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
            Some(number) => {
                let [_, r, g, b] = number.to_be_bytes();
                Ok(Self { id, rgb: [r, g, b] })
            }
            None => Err(sepia::Error::new(ErrorKind::Corrupt, "not a colour like #aabbcc")),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = Path::new("target/live_types");
    let (house, garden) = (house(), garden());

    let store = Store::open(directory)?;
    store.save(&house)?; // its link to the garden dangles until that is saved too
    store.save(&garden)?;
    print!("{}", tree::draw(directory)?);

    let loaded: Drawing = store.load("house")?;
    assert_eq!(loaded, house);
    println!("\nLoaded the house, equal to what was saved.");

    let front = &loaded.layers[&10];
    let classes: Vec<_> = front.shapes.iter().map(Shape::class).collect();
    println!("  several classes in one list    {}", classes.join(", "));

    let depths: Vec<_> = loaded.layers.keys().map(i32::to_string).collect();
    println!("  a map by number, in order      {}", depths.join(", "));

    let red = &loaded.palette["red"];
    let sun = front.shapes.iter().find_map(|shape| match shape {
        Shape::Circle(circle) => Some(circle),
        _ => None,
    });
    assert!(sun.is_some_and(|sun| Arc::ptr_eq(&sun.fill, red)));
    println!("  a colour that is shared        {} `Arc`s, one allocation", Arc::strong_count(red));

    let [r, g, b] = red.rgb;
    println!("  a file format of its own       red is {r}, {g}, {b}");

    let remarks = (&loaded.remarks, &store.load::<Drawing>("garden")?.remarks);
    assert_eq!(remarks, (&Some(Vec::new()), &None));
    println!("  an empty list, and no list     Some([]) in the house, None in the garden");

    for link in &loaded.similar {
        let similar = link.load(&store)?;
        assert_eq!(similar, garden);
        let back = similar.similar.contains(&Ref::to(&loaded));
        println!("  a link that was followed       to {:?}{}", similar.title, if back { ", and back" } else { "" });
    }
    Ok(())
}

impl Shape {
    fn class(&self) -> &'static str {
        match self {
            Self::Circle(_) => "Circle",
            Self::Polygon(_) => "Polygon",
            Self::Label(_) => "Label",
            Self::Group(_) => "Layer",
        }
    }
}

fn house() -> Drawing {
    let red = Arc::new(Colour { id: "red".into(), rgb: [0xc0, 0x39, 0x2b] });
    let sky = Arc::new(Colour { id: "sky".into(), rgb: [0x85, 0xc1, 0xe9] });
    let background = Layer {
        id: "background".into(),
        opacity: 0.5,
        shapes: vec![Shape::Polygon(Polygon {
            id: "horizon".into(),
            points: vec![(0.0, 0.0), (80.0, 0.0), (80.0, 60.0), (0.0, 60.0)],
            fill: Some(Arc::clone(&sky)),
        })],
    };
    let roof = Layer {
        id: "roof".into(),
        opacity: 1.0,
        shapes: vec![Shape::Polygon(Polygon {
            id: "gable".into(),
            points: vec![(20.0, 30.0), (40.0, 15.5), (60.0, 30.0)],
            fill: Some(Arc::clone(&red)),
        })],
    };
    let front = Layer {
        id: "front".into(),
        opacity: 1.0,
        shapes: vec![
            Shape::Circle(Circle { id: "sun".into(), centre: (70.0, 10.0), radius: 4.25, fill: Arc::clone(&red) }),
            Shape::Label(Label { id: "signature".into(), text: "A house, drawn on a Sunday".to_owned() }),
            Shape::Group(Box::new(roof)),
            Shape::Polygon(Polygon { id: "door".into(), points: vec![(38.0, 50.0), (42.0, 60.0)], fill: None }),
        ],
    };
    Drawing {
        id: "house".into(),
        title: "House".to_owned(),
        palette: BTreeMap::from([("red".to_owned(), red), ("blue/bright".to_owned(), sky)]),
        layers: BTreeMap::from([(-1, background), (10, front)]),
        tags: BTreeSet::from([Tag { id: "home".into(), weight: 3 }, Tag { id: "summer".into(), weight: 1 }]),
        remarks: Some(Vec::new()),
        similar: BTreeSet::from([Ref::new("garden")]),
    }
}

fn garden() -> Drawing {
    Drawing {
        id: "garden".into(),
        title: "Garden".to_owned(),
        palette: BTreeMap::new(),
        layers: BTreeMap::new(),
        tags: BTreeSet::from([Tag { id: "summer".into(), weight: 1 }]),
        remarks: None,
        similar: BTreeSet::from([Ref::new("house")]),
    }
}
