//! Where it runs: what a reader needs to judge the figures by.

use std::fs;
use std::path::Path;

/// Facts about the machine, and the file system that holds a directory.
pub(crate) fn facts(directory: &Path, scale: &str) -> Vec<(String, String)> {
    let facts = [
        ("file system", file_system(directory)),
        ("processor", processor()),
        ("cores", cores().to_string()),
        ("machine", machine().to_owned()),
        ("kernel", kernel()),
        ("scale", scale.to_owned()),
    ];
    facts.map(|(name, fact)| (name.to_owned(), fact)).to_vec()
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The type of the file system that holds a directory.
pub(crate) fn file_system(path: &Path) -> String {
    let known = || {
        let path = path.canonicalize().ok()?;
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let holds = |line: &&str| line.split(' ').nth(4).is_some_and(|point| path.starts_with(point));
        let line = mounts.lines().filter(holds).max_by_key(|line| line.split(' ').nth(4).map(str::len))?;
        line.split_once(" - ")?.1.split(' ').next().map(str::to_owned)
    };
    known().unwrap_or_else(|| "unknown file system".to_owned())
}

fn processor() -> String {
    let known = || {
        let text = fs::read_to_string("/proc/cpuinfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    known().unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

/// Whether the cores are those of a virtual machine, as far as the processor says so.
fn machine() -> &'static str {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    if flags.split_ascii_whitespace().any(|flag| flag == "hypervisor") { "virtual" } else { "real" }
}

/// The system and its version, without what its builder has called it.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version = release.trim().split('-').next().unwrap_or_default();
    format!("{} {version}", std::env::consts::OS).trim_end().to_owned()
}
