//! The parser: in pieces, against its naive twin, and after its own encoder.

use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::BytesMut;
use resp::codec::{Codec, CodecError};
use resp::{Decoder, EncodeError, Encoder, ErrorKind, Frame, Limits, OwnedValue};

use crate::common::encode::encode;
use crate::common::twin::{self, End, Grammar};
use crate::common::{cut, decode, decode_with, describe, tree as frame_tree};
use crate::tree::{text, tree};

/// Regular expressions take longer to make than most inputs to parse.
static GRAMMAR: LazyLock<Grammar> = LazyLock::new(Grammar::new);

/// Whole, in the fuzzer's pieces, and byte by byte: the same frames, the same end at the same offset, within limits
/// that the fuzzer chooses, too; each frame alone is the same as among the others; and no more memory is held than
/// the thresholds allow. The codec gives the same.
///
/// The input begins with a byte for each limit, then the number of cuts and the distances between them; the rest is
/// the stream: see [`pieces_input`].
pub fn decoder_pieces(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let Ok((limits, cuts)) = limits_and_cuts(&mut u) else { return };
    let stream = u.take_rest();
    let look = |frame: Frame<'_>| (describe(frame), frame.raw().map(<[u8]>::to_vec));
    let whole = decode_with(limits, [stream], look);
    assert_eq!(decode_with(limits, cut(stream, &cuts), look), whole, "in pieces");
    assert_eq!(decode_with(limits, stream.chunks(1), look), whole, "byte by byte");

    // A frame does not depend on the frames before it.
    for (described, raw) in &whole.0 {
        if let Some(raw) = raw {
            let (alone, _) = decode_with(limits, [&raw[..]], describe);
            assert_eq!(alone, [&described[..]], "by itself");
        }
    }

    let owned = decode_with(limits, [stream], |frame| frame.into_owned());
    assert_eq!(through_codec(limits, cut(stream, &cuts)), owned, "through the codec");

    let mut decoder = Decoder::with_limits(limits);
    for mut piece in cut(stream, &cuts) {
        while matches!(decoder.feed(&mut piece), Ok(Some(_))) {}
        let held = decoder.buffered() as u64;
        // A reply and a push in its middle.
        assert!(held <= limits.skip_frames_over.saturating_mul(2), "{held} bytes held, {limits:?}");
    }
    // Whatever happened, a reset makes it as new.
    decoder.reset();
    let mut again = &b":7\r\n"[..];
    let allowed = limits.line > 0 && limits.frame >= 4;
    assert_eq!(matches!(decoder.feed(&mut again), Ok(Some(_))), allowed, "after a reset, {limits:?}");
}

/// The codec's result for the pieces, driven like tokio-util.
fn through_codec(limits: Limits, pieces: Vec<&[u8]>) -> (Vec<OwnedValue>, End) {
    use tokio_util::codec::Decoder as _;
    let (mut codec, mut buffer, mut values) = (Codec::with_limits(limits), BytesMut::new(), Vec::new());
    let mut pieces = pieces.into_iter();
    loop {
        let piece = pieces.next();
        buffer.extend_from_slice(piece.unwrap_or_default());
        loop {
            let decoded =
                if piece.is_some() { codec.decode(&mut buffer) } else { codec.decode_eof(&mut buffer) };
            match decoded {
                Ok(Some(value)) => values.push(value),
                Ok(None) if piece.is_some() => break,
                Ok(None) => return (values, End::Clean),
                Err(CodecError::Cut { offset }) => return (values, End::Incomplete(offset)),
                Err(CodecError::Decode(error)) => return (values, End::Error(error.kind, error.offset)),
                Err(error) => unreachable!("reading and writing are not the codec's: {error}"),
            }
        }
        assert!(buffer.is_empty(), "the codec takes all that there is");
    }
}

/// An input of [`decoder_pieces`]: default limits, a cut after each of the distances, and this stream.
pub fn pieces_input(distances: &[u8], stream: &[u8]) -> Vec<u8> {
    let count = u8::try_from(distances.len()).unwrap_or(u8::MAX);
    let defaults = [DEFAULT_LIMIT; LIMITS];
    [&defaults, &[count][..], &distances[..usize::from(count)], stream].concat()
}

/// This byte in place of a limit leaves it at its default.
const DEFAULT_LIMIT: u8 = u8::MAX;
const LIMITS: usize = 10;

fn limits_and_cuts(u: &mut Unstructured<'_>) -> Result<(Limits, Vec<usize>)> {
    let bytes = <[u8; LIMITS]>::arbitrary(u)?;
    let limit = |byte: u8, default: u64| if byte == DEFAULT_LIMIT { default } else { u64::from(byte) };
    let default = Limits::default();
    let levels = |byte: u8, default: usize| if byte == DEFAULT_LIMIT { default } else { usize::from(byte) };
    let [depth, aggregate, elements, blob, line, frame, skip_blobs_over, skip_frames_over, ..] = bytes;
    let [.., skip_lines_over, skip_depth_over] = bytes;
    let limits = default
        .with_depth(levels(depth, default.depth))
        .with_aggregate(limit(aggregate, default.aggregate))
        .with_elements(limit(elements, default.elements))
        .with_blob(limit(blob, default.blob))
        .with_line(limit(line, default.line))
        .with_frame(limit(frame, default.frame))
        .with_skip_blobs_over(limit(skip_blobs_over, default.skip_blobs_over))
        .with_skip_lines_over(limit(skip_lines_over, default.skip_lines_over))
        .with_skip_depth_over(levels(skip_depth_over, default.skip_depth_over))
        .with_skip_frames_over(limit(skip_frames_over, default.skip_frames_over));
    let count = u8::arbitrary(u)?;
    let mut at = 0;
    let mut cuts = Vec::new();
    for _ in 0..count {
        at += usize::from(u8::arbitrary(u)?);
        cuts.push(at);
    }
    Ok((limits, cuts))
}

/// The longest line that the twin handles in reasonable time, which grows with its square.
const TWIN_LINE: usize = 60;

/// The decoder and its naive twin agree. The input is the stream itself.
pub fn decoder_twin(input: &[u8]) {
    if input.split(|&byte| byte == b'\n').any(|line| line.len() > TWIN_LINE) {
        return;
    }
    judge(Limits::default(), input);
    judge(Limits::new().with_line(30).with_skip_lines_over(6).with_depth(5).with_skip_depth_over(2), input);
}

/// Checks that decoder and twin agree.
fn judge(limits: Limits, input: &[u8]) {
    let (frames, end) =
        decode_with(limits, [input], |frame| (frame_tree(frame.root()), frame.is_truncated()));
    let (expected, expected_end) = twin::parse_within(limits, input, &GRAMMAR);
    match end {
        // A limit that the twin does not have: up to there it agrees.
        End::Error(ErrorKind::ElementsLimit, at) => {
            assert!(at < input.len() as u64);
            assert!(expected.starts_with(&frames), "{frames:?} and {expected:?}");
        }
        _ => {
            assert_eq!(frames, expected);
            assert_eq!(end, expected_end);
        }
    }
}

/// The decoder and the twin read the encoder's output as the same values; values that cannot be written are refused
/// and left out.
pub fn encode_decode(input: &[u8]) {
    let mut u = Unstructured::new(input);
    let Ok((trees, cuts, line)) = trees_and_cuts(&mut u) else { return };
    let mut bytes = Vec::new();
    for tree in &trees {
        encode(tree, &mut bytes);
    }
    let (decoded, end) = decode(cut(&bytes, &cuts));
    assert_eq!(end, End::Clean, "\"{}\"", bytes.escape_ascii());
    assert_eq!(decoded, trees);
    assert_eq!(twin::parse(&bytes, &GRAMMAR), (trees, End::Clean), "the twin");
    owned_comes_back(&bytes, &cuts);
    refused_or_read_back(&line);
}

fn trees_and_cuts(u: &mut Unstructured<'_>) -> Result<(Vec<twin::Tree>, Vec<usize>, Vec<u8>)> {
    let count = u8::arbitrary(u)? % 4;
    let distance = usize::from(u8::arbitrary(u)?) + 1;
    let line = text(u)?;
    let trees = (0..count).map(|_| tree(u)).collect::<Result<Vec<_>>>()?;
    Ok((trees, (0..64).map(|n| n * distance).collect(), line))
}

/// Owned values are encoded such that they decode to the same, each as one frame.
fn owned_comes_back(bytes: &[u8], cuts: &[usize]) {
    let (values, _) = decode_with(Limits::new(), cut(bytes, cuts), |frame| frame.into_owned());
    let mut written = Vec::new();
    for value in &values {
        let mut encoder = Encoder::new(&mut written);
        let result = encoder.frame(|encoder| encoder.value(value).map(drop)).err();
        assert_eq!(result, None, "{value:?}");
    }
    let (again, end) = decode_with(Limits::new(), [&written[..]], |frame| frame.into_owned());
    assert_eq!((again, end), (values, End::Clean), "\"{}\"", written.escape_ascii());
}

type Writer = fn(&mut Encoder<'_>, &[u8]) -> std::result::Result<(), EncodeError>;

/// No text gets out of its line.
fn refused_or_read_back(text: &[u8]) {
    let writers: [Writer; 3] = [
        |encoder, text| encoder.simple_string(text).map(drop),
        |encoder, text| encoder.simple_error(text).map(drop),
        |encoder, text| encoder.big_number(text).map(drop),
    ];
    for write in writers {
        let mut bytes = Vec::new();
        match write(&mut Encoder::new(&mut bytes), text) {
            Ok(()) => {
                let (frames, end) = decode([&bytes[..]]);
                assert_eq!((frames.len(), end), (1, End::Clean), "\"{}\"", bytes.escape_ascii());
            }
            Err(_) => assert!(bytes.is_empty(), "half a frame was written: \"{}\"", bytes.escape_ascii()),
        }
    }
}

/// A stream of valid frames, chosen by these bytes.
pub fn valid_stream(choices: &[u8]) -> Vec<u8> {
    let mut u = Unstructured::new(choices);
    let mut stream = Vec::new();
    while !u.is_empty() {
        match tree(&mut u) {
            Ok(tree) => encode(&tree, &mut stream),
            Err(_) => break,
        }
    }
    stream
}
