//! Pictures as text: SVG, readable on light and on dark ground.

use std::fmt::{Display, Write};

/// What is drawn so far.
pub(super) struct Drawing {
    width: f64,
    body: String,
}

/// Where a text is anchored.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Middle => "middle",
            Self::End => "end",
        }
    }
}

/// What marks the figure of one side.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Circle,
    Square,
    Diamond,
    Triangle,
    Bar,
}

/// Colours that most eyes tell apart, on both grounds.
const STYLE: &str = "
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .faint { fill: #6e7781; font-size: 11px }
  .ground { fill: #ffffff }
  .grid { stroke: #d0d7de }
  .rule { stroke: #24292f; stroke-width: 1.5 }
  .goal { stroke: #24292f; stroke-width: 2 }
  .c0 { fill: #b35900 } .c1 { fill: #8c959f } .c2 { fill: #0072b2 } .c3 { fill: #009e73 } .c4 { fill: #cc79a7 }
  .c5 { fill: #56b4e9 } .c6 { fill: #a89600 } .c7 { fill: #d6455d } .c8 { fill: #7a5fb5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .faint { fill: #9198a1 }
    .ground { fill: #0d1117 }
    .grid { stroke: #30363d }
    .rule, .goal { stroke: #e6edf3 }
    .c0 { fill: #f0a04b } .c2 { fill: #4aa3df } .c3 { fill: #2fbf94 } .c6 { fill: #d9c63f } .c7 { fill: #f0788c } .c8 { fill: #a58ae0 }
  }
";

impl Drawing {
    pub(super) fn new(width: f64) -> Self {
        Self { width, body: String::new() }
    }

    fn push(&mut self, element: impl Display) {
        writeln!(self.body, "{element}").expect("a string takes all");
    }

    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, class: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        self.push(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{}" class="{class}">{text}</text>"#,
            anchor.name()
        ));
    }

    pub(super) fn line(&mut self, [x, y]: [f64; 2], [to_x, to_y]: [f64; 2], class: &str) {
        self.push(format_args!(r#"<line x1="{x:.1}" y1="{y:.1}" x2="{to_x:.1}" y2="{to_y:.1}" class="{class}"/>"#));
    }

    pub(super) fn rectangle(&mut self, [x, y]: [f64; 2], [width, height]: [f64; 2], class: &str) {
        self.push(format_args!(
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" class="{class}"/>"#
        ));
    }

    pub(super) fn mark(&mut self, mark: Mark, [x, y]: [f64; 2], size: f64, class: &str) {
        match mark {
            Mark::Circle => self.push(format_args!(r#"<circle cx="{x:.1}" cy="{y:.1}" r="{size}" class="{class}"/>"#)),
            Mark::Square => self.rectangle([x - size, y - size], [2.0 * size, 2.0 * size], class),
            Mark::Bar => self.rectangle([x - 1.5, y - 2.0 * size], [3.0, 4.0 * size], class),
            Mark::Diamond => self.polygon([[0.0, -1.3], [1.3, 0.0], [0.0, 1.3], [-1.3, 0.0]], [x, y], size, class),
            Mark::Triangle => self.polygon([[0.0, -1.2], [1.2, 1.0], [-1.2, 1.0]], [x, y], size, class),
        }
    }

    fn polygon<const N: usize>(&mut self, points: [[f64; 2]; N], [x, y]: [f64; 2], size: f64, class: &str) {
        let points = points.map(|[right, down]| format!("{:.1},{:.1}", x + right * size, y + down * size));
        self.push(format_args!(r#"<polygon points="{}" class="{class}"/>"#, points.join(" ")));
    }

    /// The whole file.
    pub(super) fn finish(self, height: f64, title: &str) -> String {
        let Self { width, body } = self;
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0}" width="{width}" height="{height:.0}" role="img" aria-label="{title}">
<style>{STYLE}</style>
<rect width="{width}" height="{height:.0}" class="ground"/>
{body}</svg>
"#
        )
    }
}
