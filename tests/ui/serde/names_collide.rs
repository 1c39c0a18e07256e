use sepia::{Container, Id};

#[derive(Container)]
#[serde(rename_all = "camelCase")]
struct Board {
    id: Id<Board>,
    team_name: String,
    #[serde(rename = "teamName")]
    boards: Vec<Board>,
}

fn main() {}
