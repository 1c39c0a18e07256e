//! How databases are changed.

use std::fs;
use std::path::Path;

use rusqlite::Connection;

/// A generator of numbers that are the same for the same seed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// A database, and its log.
#[derive(Debug)]
pub struct Corpus(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Corpus {
    pub fn read(directory: &Path) -> Self {
        let names = ["plain", "checked", "killed"];
        let read = |name: &&str| {
            let path = directory.join(format!("{name}.db"));
            (fs::read(&path).unwrap(), fs::read(path.with_extension("db-wal")).ok())
        };
        Self(names.iter().map(read).collect())
    }
}

/// Where the size of the database is in its header, and what says that it is believed.
const PAGES: usize = 28;
const CHANGES: usize = 24;
const VALID_FOR: usize = 92;

/// Writes a database that nobody would have made.
pub fn mutate(corpus: &Corpus, random: &mut Random, path: &Path) {
    let (mut file, mut log) = corpus.0[random.below(corpus.0.len())].clone();
    if random.below(3) == 0 {
        file = edited(random, &file, log.take());
    }
    match random.below(8) {
        // As it is.
        0 => {}
        // What has changed is in the log.
        1 | 2 if !file.is_empty() => {
            let before = file.clone();
            change(random, &mut file);
            log = Some(log_of(random, &before, &file));
            file = before;
        }
        3 if log.is_some() => log.iter_mut().for_each(|log| change_bytes(random, log)),
        _ => change(random, &mut file),
    }
    fs::write(path, &file).unwrap();
    let beside = |suffix: &str| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        beside
    };
    if let Some(log) = log {
        fs::write(beside("-wal"), log).unwrap();
    }
    if random.below(8) == 0 {
        let mut garbage = vec![0; random.below(70_000)];
        garbage.iter_mut().for_each(|byte| *byte = random.next() as u8);
        fs::write(beside("-shm"), garbage).unwrap();
    }
    if random.below(8) == 0 {
        fs::write(beside("-journal"), journal_of(random, &file)).unwrap();
    }
}

fn page_size(file: &[u8]) -> usize {
    match file.get(16..18).map(|size| u16::from_be_bytes([size[0], size[1]])) {
        Some(1) => 65536,
        Some(size @ 512..) => usize::from(size),
        _ => 512,
    }
}

fn set(file: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(place) = file.get_mut(at..at + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

fn change(random: &mut Random, file: &mut Vec<u8>) {
    for _ in 0..1 + random.below(4) {
        match random.below(8) {
            0 => change_bytes(random, file),
            1 | 2 => change_page(random, file),
            3..=6 => change_tree(random, file),
            _ => change_header(random, file),
        }
    }
    if random.below(4) > 0 && file.len() >= 100 {
        let pages = (file.len() / page_size(file)) as u32;
        set(file, PAGES, &pages.to_be_bytes());
        let changes: [u8; 4] = file[CHANGES..CHANGES + 4].try_into().unwrap();
        set(file, VALID_FOR, &changes);
    }
}

/// Numbers at which something may overflow, and small ones.
fn number(random: &mut Random) -> u32 {
    match random.below(6) {
        0 => u32::MAX - random.below(3) as u32,
        1 => i32::MAX as u32 - random.below(3) as u32,
        2 => 0x00ff_ffff,
        3 => 0x8000_0000 | random.next() as u32,
        4 => random.next() as u32,
        _ => random.below(70) as u32,
    }
}

fn change_bytes(random: &mut Random, file: &mut Vec<u8>) {
    match random.below(6) {
        0 => file.truncate(random.below(file.len() + 1)),
        1 => {
            let length = random.below(3000);
            file.extend((0..length).map(|_| random.next() as u8));
        }
        2 => {
            let (at, number) = (random.below(file.len()), number(random));
            set(file, at, &number.to_be_bytes());
        }
        _ => {
            for _ in 0..1 + random.below(12) {
                let at = random.below(file.len());
                if let Some(byte) = file.get_mut(at) {
                    *byte = if random.below(2) == 0 { *byte ^ 1 << random.below(8) } else { random.next() as u8 };
                }
            }
        }
    }
}

fn change_header(random: &mut Random, file: &mut [u8]) {
    let at = random.below(25) * 4;
    let number = number(random);
    set(file, at, &number.to_be_bytes());
}

/// Copies, swaps, clears and adds pages.
fn change_page(random: &mut Random, file: &mut Vec<u8>) {
    let size = page_size(file);
    let pages = file.len() / size;
    if pages < 2 {
        return;
    }
    let (one, other) = (1 + random.below(pages - 1), 1 + random.below(pages - 1));
    let copy = file[one * size..(one + 1) * size].to_vec();
    match random.below(4) {
        0 => file[other * size..(other + 1) * size].copy_from_slice(&copy),
        1 => {
            file.copy_within(other * size..(other + 1) * size, one * size);
            file[other * size..(other + 1) * size].copy_from_slice(&copy);
        }
        2 => file[one * size..(one + 1) * size].fill(random.pick(&[&0, &0xff, &0xa5]).to_owned()),
        _ => file.extend(copy),
    }
}

/// Changes a page of a tree so that it is one still.
fn change_tree(random: &mut Random, file: &mut [u8]) {
    let size = page_size(file);
    let pages = file.len() / size;
    if pages < 2 {
        return;
    }
    let number = random.below(pages);
    let header = number * size + if number == 0 { 100 } else { 0 };
    let is_interior = matches!(file[header], 2 | 5);
    let cells = usize::from(u16::from_be_bytes([file[header + 3], file[header + 4]]));
    let pointers = header + if is_interior { 12 } else { 8 };
    let pointer = |file: &[u8], cell: usize| {
        let at = pointers + 2 * cell;
        file.get(at..at + 2).map_or(0, |pointer| usize::from(u16::from_be_bytes([pointer[0], pointer[1]])))
    };
    let page = (1 + random.below(pages + 1)) as u32;
    match random.below(9) {
        0 => set(file, header, &[random.pick(&[&2_u8, &5, &10, &13, &0]).to_owned()]),
        1 => set(file, header + 3, &(random.below(400) as u16).to_be_bytes()),
        2 => set(file, header + 8, &page.to_be_bytes()),
        // All cells are one.
        3 => {
            let first = pointer(file, 0) as u16;
            (0..cells).for_each(|cell| set(file, pointers + 2 * cell, &first.to_be_bytes()));
        }
        // All children are one.
        4 if is_interior => {
            for cell in 0..cells {
                let at = number * size + pointer(file, cell);
                set(file, at, &page.to_be_bytes());
            }
        }
        5 => {
            let (one, other) = (random.below(cells), random.below(cells));
            let (first, second) = (pointer(file, one) as u16, pointer(file, other) as u16);
            set(file, pointers + 2 * one, &second.to_be_bytes());
            set(file, pointers + 2 * other, &first.to_be_bytes());
        }
        6 => {
            let cell = random.below(cells);
            set(file, pointers + 2 * cell, &(random.below(size) as u16).to_be_bytes());
        }
        // The sizes, types and numbers in a cell.
        7 => {
            let at = number * size + pointer(file, random.below(cells)) + random.below(12);
            set(file, at, &[random.next() as u8]);
        }
        // A page of many ways to another.
        _ => {
            let first = pointer(file, 0);
            let (cell, kind) = (size - 40, if matches!(file[header], 10 | 2) { 2 } else { 5 });
            let content = file.get(number * size + first..number * size + first + 36).map(<[u8]>::to_vec);
            if number == 0 || content.is_none() {
                return;
            }
            file[header] = kind;
            // SQLite takes no more.
            let count = ((cell - 12) / 2).min((size - 8) / 6) as u16;
            set(file, header + 3, &count.to_be_bytes());
            set(file, header + 5, &(cell as u16).to_be_bytes());
            set(file, header + 8, &page.to_be_bytes());
            (0..usize::from(count)).for_each(|at| set(file, header + 12 + 2 * at, &(cell as u16).to_be_bytes()));
            set(file, header + cell, &page.to_be_bytes());
            set(file, header + cell + 4, &content.unwrap_or_default());
        }
    }
}

/// Changes a database in SQL, as far as that goes.
fn edited(random: &mut Random, file: &[u8], log: Option<Vec<u8>>) -> Vec<u8> {
    let directory = super::calls::scratch();
    let path = directory.path().join("data.db");
    fs::write(&path, file).unwrap();
    if let Some(log) = log {
        fs::write(directory.path().join("data.db-wal"), log).unwrap();
    }
    let sql = Connection::open(&path).unwrap();
    let _ =
        sql.execute_batch("PRAGMA ignore_check_constraints = 1; PRAGMA writable_schema = 1; PRAGMA foreign_keys = 0");
    for _ in 0..1 + random.below(3) {
        let statement = statement(random);
        // Not all of them fit what others have left.
        let _ = sql.execute_batch(&statement);
    }
    let _ = sql.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    drop(sql);
    fs::read(&path).unwrap()
}

const TABLES: [&str; 8] = ["class", "object", "entry", "quarantine", "follower", "change", "setting", "sqlite_schema"];
const VALUES: [&str; 16] = [
    "NULL",
    "''",
    "'a'",
    "'Note'",
    "'Board'",
    "'speech'",
    "'../../canary'",
    "'a/b/c'",
    "'0000_n1'",
    "CAST(x'ff00' AS TEXT)",
    "x'00'",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "1e300",
    "zeroblob(300000)",
];
const COLUMNS: [&str; 17] = [
    "number",
    "class",
    "id",
    "base",
    "generation",
    "kind",
    "created",
    "modified",
    "checksum",
    "content",
    "object",
    "path",
    "name",
    "generations",
    "value",
    "sql",
    "rootpage",
];

fn statement(random: &mut Random) -> String {
    let (table, column) = (random.pick(&TABLES), random.pick(&COLUMNS));
    let value = match random.below(4) {
        0 => format!("(SELECT {column} FROM {table} ORDER BY random() LIMIT 1)"),
        1 => format!("CAST(hex(randomblob({})) AS TEXT)", random.below(400)),
        _ => random.pick(&VALUES).to_owned(),
    };
    match random.below(10) {
        0..=4 => format!("UPDATE {table} SET {column} = {value} WHERE random() % {} = 0", 1 + random.below(6)),
        5 => format!("DELETE FROM {table} WHERE random() % {} = 0", 1 + random.below(6)),
        6 => {
            let id = random.pick(&VALUES);
            format!(
                "INSERT INTO object (class, id, base, generation, kind, created, modified, content)
                VALUES ({}, {id}, {}, {}, 'leaf', 0, 0, {value})",
                random.pick(&VALUES),
                random.pick(&VALUES),
                random.pick(&VALUES),
            )
        }
        7 => format!(
            "INSERT INTO entry SELECT number, {}, {}, {}, {value} FROM object ORDER BY random() LIMIT 3",
            random.pick(&VALUES),
            random.pick(&VALUES),
            random.pick(&VALUES),
        ),
        8 => {
            format!("CREATE {} x{} ON {table} ({column})", random.pick(&["INDEX", "UNIQUE INDEX"]), random.below(1000))
        }
        _ => format!(
            "UPDATE sqlite_schema SET sql = replace(sql, '{}', '{}') WHERE random() % 3 = 0",
            random.pick(&[
                " TEXT",
                " INTEGER",
                " ANY",
                "NOT NULL",
                "STRICT",
                ", WITHOUT ROWID",
                "PRIMARY KEY",
                "UNIQUE",
                "TABLE"
            ]),
            random.pick(&["", " TEXT", " BLOB", " ANY", "CHECK (1)", "VIEW"]),
        ),
    }
}

/// The pages that differ as frames of a log, which is whole.
fn log_of(random: &mut Random, before: &[u8], after: &[u8]) -> Vec<u8> {
    let size = page_size(before);
    let mut sums = (0_u32, 0_u32);
    let mut add = |bytes: &[u8]| {
        for pair in bytes.chunks_exact(8) {
            let word = |at: usize| u32::from_le_bytes(pair[at..at + 4].try_into().unwrap());
            sums.0 = sums.0.wrapping_add(word(0)).wrapping_add(sums.1);
            sums.1 = sums.1.wrapping_add(word(4)).wrapping_add(sums.0);
        }
        sums
    };
    let salts = random.next().to_be_bytes();
    let mut log = Vec::new();
    for number in [0x377f_0682, 3_007_000, size as u32, random.below(3) as u32] {
        log.extend(u32::to_be_bytes(number));
    }
    log.extend(salts);
    let (one, two) = add(&log);
    log.extend(one.to_be_bytes());
    log.extend(two.to_be_bytes());
    let pages: Vec<_> = after.chunks_exact(size).enumerate().collect();
    let differ: Vec<_> =
        pages.iter().filter(|(number, page)| before.get(number * size..(number + 1) * size) != Some(*page)).collect();
    for (at, (number, page)) in differ.iter().enumerate() {
        let mut frame = Vec::new();
        let number = if random.below(30) == 0 { self::number(random) } else { *number as u32 + 1 };
        frame.extend(number.to_be_bytes());
        let is_last = at + 1 == differ.len();
        frame.extend((if is_last { pages.len() as u32 } else { 0 }).to_be_bytes());
        add(&frame);
        let (one, two) = add(page);
        frame.extend(salts);
        frame.extend(one.to_be_bytes());
        frame.extend(two.to_be_bytes());
        log.extend(frame);
        log.extend_from_slice(page);
    }
    log
}

/// A journal that would be rolled back.
fn journal_of(random: &mut Random, file: &[u8]) -> Vec<u8> {
    let size = page_size(file);
    let mut journal = vec![0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let pages = (file.len() / size).max(1);
    let count = 1 + random.below(4);
    let start = random.next() as u32;
    for number in [count as u32, start, pages as u32, 512, size as u32] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    for _ in 0..count {
        let number = random.below(pages);
        let mut page = file.get(number * size..(number + 1) * size).unwrap_or_default().to_vec();
        page.resize(size, 0);
        change_bytes(random, &mut page);
        page.resize(size, 0);
        let mut sum = start;
        let mut at = size.saturating_sub(200);
        while at > 0 {
            sum = sum.wrapping_add(u32::from(page[at]));
            at = at.saturating_sub(200);
        }
        journal.extend((number as u32 + 1).to_be_bytes());
        journal.extend(page);
        journal.extend(sum.to_be_bytes());
    }
    if random.below(4) == 0 {
        let name = b"../canary";
        journal.extend(262_145_u32.to_be_bytes());
        journal.extend(name);
        journal.extend((name.len() as u32).to_be_bytes());
        journal.extend(name.iter().map(|byte| u32::from(*byte)).sum::<u32>().to_be_bytes());
        journal.extend([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    }
    journal
}
