//! Every input that is kept, through every target: those that the fuzzer learned from, and those that
//! once broke something.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use fuzz_targets::TARGETS;

/// The files under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("a folder's entry").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn kept() -> Vec<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent");
    ["corpus", "regressions"].map(|name| files(&fuzz.join(name))).concat()
}

#[test]
fn every_input_that_is_kept_passes_every_target() {
    let mut broken = Vec::new();
    for path in kept() {
        let data = fs::read(&path).expect("a file that was just listed");
        for (name, target) in TARGETS {
            if catch_unwind(|| target(&data)).is_err() {
                broken.push(format!("{name}: {}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_target_has_a_corpus_that_is_small() {
    for (name, _) in TARGETS {
        let of_target: Vec<PathBuf> = kept()
            .into_iter()
            .filter(|path| path.parent().is_some_and(|folder| folder.ends_with(name)))
            .collect();
        let bytes: u64 = of_target.iter().map(|path| fs::metadata(path).expect("a file").len()).sum();
        assert!(
            !of_target.is_empty() && bytes <= 64 * 1024,
            "{name}: {} files, {bytes} bytes",
            of_target.len()
        );
    }
}
