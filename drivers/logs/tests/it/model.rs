//! Whatever is written, the files hold an unbroken last part of it.

use proptest::prelude::*;

use encamp_logs::Start;

use crate::{files, open, read_all, writer};

fn chunk() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c\n]{0,12}",
        "[a-z]{0,40}",
        Just("\n".to_owned()),
        (0..1000_usize, 1..300_usize)
            .prop_map(|(length, line)| { (0..length).map(|at| if at % line == 0 { '\n' } else { 'x' }).collect() }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn the_files_hold_an_unbroken_last_part_of_what_was_written(
        chunks in prop::collection::vec(chunk(), 0..30),
        max_files in 0..6_u32,
        max_file_size in prop_oneof![0..8_u64, 20..200_u64],
        reopen_every in 1..10_usize,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut ours = writer(dir.path(), max_files, max_file_size);
        for (number, chunk) in chunks.iter().enumerate() {
            if number % reopen_every == 0 {
                drop(ours);
                ours = writer(dir.path(), max_files, max_file_size);
            }
            ours.write(chunk.as_bytes()).unwrap();
        }
        let input = chunks.concat();
        let found = files(dir.path());
        let indices: Vec<u64> = found.iter().map(|(index, _)| *index).collect();
        let text: Vec<u8> = found.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        prop_assert!(input.as_bytes().ends_with(&text));
        if indices[0] == 0 {
            prop_assert_eq!(text.len(), input.len());
        }
        prop_assert!(indices.windows(2).all(|pair| pair[1] == pair[0] + 1), "{:?}", indices);
        prop_assert!(indices.len() <= max_files.max(1) as usize);
        for (_, bytes) in &found {
            prop_assert!(bytes.len() as u64 <= max_file_size.max(1));
        }
        let (read, skipped) = read_all(&mut open(dir.path(), Start::Oldest));
        prop_assert_eq!((read.as_bytes(), skipped), (text.as_slice(), 0));
    }

    #[test]
    fn tails_are_the_last_lines_and_bytes(text in "[ab\n]{0,60}", size in 1..20_u64, wanted in 0..20_u32) {
        let dir = tempfile::tempdir().unwrap();
        writer(dir.path(), 100, size).write(text.as_bytes()).unwrap();
        let by_bytes = read_all(&mut open(dir.path(), Start::TailBytes(wanted.into()))).0;
        let from = text.len().saturating_sub(usize::try_from(wanted).unwrap());
        prop_assert_eq!(by_bytes, &text[from..]);
        let by_lines = read_all(&mut open(dir.path(), Start::TailLines(wanted.into()))).0;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let from = lines.len().saturating_sub(usize::try_from(wanted).unwrap());
        prop_assert_eq!(by_lines, lines[from..].concat());
    }
}
