//! Decodes, enlarges, sharpens and encodes. Plain resampling: it adds no detail,
//! as Recraft's model would.
//!
//! Works on 8 bits a channel (deeper files are rounded), on the first frame of an
//! animation, turned as its EXIF orientation says, in the file's own colour
//! space. The result is a PNG, which loses nothing; what type the service
//! answers with is documented nowhere.

use std::io::{Cursor, ErrorKind};

use crisp_upscale_core::image::{self as headers, Format, MAX_PIXELS, MAX_SIDE};
use fast_image_resize::images::{Image, TypedImageRef};
use fast_image_resize::pixels::{U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::codecs::png::PngEncoder;
use image::{
    ColorType, DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits,
};

/// The most pixels that a result has. It is 256 MB of memory, and a result of the
/// largest input that is taken is still twice as wide.
pub const MAX_OUTPUT_PIXELS: u64 = 64_000_000;

/// What a decoder may allocate in bytes: the largest input at 16 bits a channel, twice.
const MAX_DECODER_BYTES: u64 = 16 * MAX_PIXELS;

/// Enlarges a jpeg, png or webp file, `factor` times in each direction or by as
/// much of it as [`MAX_OUTPUT_PIXELS`] leaves room for (in whole steps; 2 at
/// least), and gives a PNG file.
///
/// # Errors
/// A sentence for people: what is wrong with the file. Its size is judged by the
/// header, before anything is decoded.
pub fn enlarge(file: &[u8], factor: u8) -> Result<Vec<u8>, String> {
    let header = headers::check(file, file.len() as u64).map_err(|problem| problem.to_string())?;
    if let Some((width, height)) = header.size {
        check_size(width, height)?;
    }
    let (image, profile) = decode_whole(file, header.format)
        .map_err(|error| format!("The {} file {}.", name(header.format), reason(&error)))?;
    let (width, height) = (image.width(), image.height());
    check_size(width, height)?;
    let factor = fitting_factor(width, height, factor);
    resample(image, width * factor, height * factor)
        .and_then(|large| encode(large, width * factor, height * factor, profile))
        .map_err(|error| format!("The image cannot be enlarged: {error}"))
}

/// Recraft's limits; a guess for kie.ai's offer, and ours in any case.
fn check_size(width: u32, height: u32) -> Result<(), String> {
    if width.max(height) > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!(
            "The image has {width} x {height} pixels; at most {MAX_SIDE} a side and {} megapixels in all are taken.",
            MAX_PIXELS / 1_000_000
        ));
    }
    Ok(())
}

fn fitting_factor(width: u32, height: u32, wanted: u8) -> u32 {
    let room = MAX_OUTPUT_PIXELS / (u64::from(width) * u64::from(height)).max(1);
    u32::from(wanted).min(room.isqrt() as u32).max(1)
}

fn name(format: Format) -> &'static str {
    format.mime().trim_start_matches("image/")
}

/// What is wrong with a file, as the end of a sentence. The decoders' own words are for developers, and some are printed
/// by `Debug`, of which the sandbox's build leaves nothing.
fn reason(error: &ImageError) -> &'static str {
    match error {
        ImageError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => "is cut short",
        ImageError::Unsupported(_) => "uses a feature of the format that is not supported",
        ImageError::Limits(_) => "needs too much memory to be read",
        _ => "is damaged and cannot be read",
    }
}

/// An image, and the colour profile that says what its pixels mean.
type Decoded = (DynamicImage, Option<Vec<u8>>);

/// Decodes a file that holds all of its pixels. Browsers show a jpeg that lacks nothing but its end marker, and a webp
/// whose metadata is cut; so these are taken.
fn decode_whole(file: &[u8], format: Format) -> Result<Decoded, ImageError> {
    match format {
        Format::Jpeg if !crate::jpeg::has_end(file) => {
            let [one, other] = crate::jpeg::continued(file).map(|file| decode(&file, format).ok());
            let whole = one.filter(|one| other.is_some_and(|other| other.0 == one.0));
            whole.ok_or_else(|| ImageError::IoError(ErrorKind::UnexpectedEof.into()))
        }
        Format::Webp => decode(&crate::webp::honest(file), format),
        Format::Jpeg | Format::Png => decode(file, format),
    }
}

/// Pixels as RGB or RGBA.
fn decode(file: &[u8], format: Format) -> Result<Decoded, ImageError> {
    let format = match format {
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Png => ImageFormat::Png,
        Format::Webp => ImageFormat::WebP,
    };
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    // A profile for grey or CMYK would be wrong for the RGB that goes out.
    let profile = decoder.icc_profile()?.filter(|profile| profile.get(16..20) == Some(b"RGB "));
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    let image = match image.color().has_alpha() {
        true => DynamicImage::ImageRgba8(image.into_rgba8()),
        false => DynamicImage::ImageRgb8(image.into_rgb8()),
    };
    Ok((image, profile))
}

type Failure = Box<dyn std::error::Error>;

fn resample(image: DynamicImage, width: u32, height: u32) -> Result<DynamicImage, Failure> {
    let large = if image.color().has_alpha() {
        let pixels = enlarge_pixels::<U8x4>(&image, width, height)?;
        image::RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
    } else {
        let pixels = enlarge_pixels::<U8x3>(&image, width, height)?;
        image::RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    large.ok_or_else(|| "too few pixels".into())
}

/// Lanczos, then an unsharp mask whose blurred copy is the same enlargement with
/// a Gaussian filter: so the mask is as wide as the factor makes the edges.
///
/// For one type of pixels: the library's `resize` is compiled for each pair of them, which takes minutes.
fn enlarge_pixels<P: PixelTrait>(image: &DynamicImage, width: u32, height: u32) -> Result<Vec<u8>, Failure> {
    let source = TypedImageRef::<P>::from_buffer(image.width(), image.height(), image.as_bytes())?;
    let mut resizer = Resizer::new();
    let mut enlarged = |filter| -> Result<Vec<u8>, Failure> {
        let mut large = Image::new(width, height, P::pixel_type());
        let mut view = large.typed_image_mut::<P>().ok_or("another type of pixels")?;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter));
        resizer.resize_typed(&source, &mut view, &options)?;
        Ok(large.into_vec())
    };
    let mut large = enlarged(FilterType::Lanczos3)?;
    let blurred = enlarged(FilterType::Gaussian)?;
    sharpen(&mut large, &blurred, size_of::<P>());
    Ok(large)
}

/// Adds three quarters of what the blur took away; transparency stays as it is.
fn sharpen(large: &mut [u8], blurred: &[u8], channels: usize) {
    for (pixel, soft) in large.chunks_exact_mut(channels).zip(blurred.chunks_exact(channels)) {
        for (value, soft) in pixel.iter_mut().zip(soft).take(3) {
            let sharp = i16::from(*value);
            *value = (sharp + (sharp - i16::from(*soft)) * 3 / 4).clamp(0, 255) as u8;
        }
    }
}

fn encode(
    image: DynamicImage,
    width: u32,
    height: u32,
    profile: Option<Vec<u8>>,
) -> Result<Vec<u8>, Failure> {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile)?;
    }
    let color = if image.color().has_alpha() { ColorType::Rgba8 } else { ColorType::Rgb8 };
    encoder.write_image(image.as_bytes(), width, height, color.into())?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};

    use super::{MAX_OUTPUT_PIXELS, decode, enlarge, fitting_factor, sharpen};

    fn gradient(width: u32, height: u32) -> DynamicImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([(x * 4) as u8, (y * 4) as u8, 128])).into()
    }

    fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn enlarged(file: &[u8], factor: u8) -> DynamicImage {
        image::load_from_memory_with_format(&enlarge(file, factor).unwrap(), ImageFormat::Png).unwrap()
    }

    #[test]
    fn every_kind_of_pixel_comes_out_larger_and_alike() {
        let image = gradient(60, 40);
        let files = [
            file(&image, ImageFormat::Jpeg),
            file(&image, ImageFormat::Png),
            file(&image, ImageFormat::WebP),
            file(&DynamicImage::ImageRgb16(image.to_rgb16()), ImageFormat::Png),
            file(&DynamicImage::ImageRgba8(image.to_rgba8()), ImageFormat::Png),
        ];
        for bytes in files {
            let large = enlarged(&bytes, 4).into_rgb8();
            assert_eq!(large.dimensions(), (240, 160));
            let [red, green, blue] = large.get_pixel(122, 82).0.map(i32::from);
            assert!(
                (red - 120).abs() < 9 && (green - 80).abs() < 9 && (blue - 128).abs() < 9,
                "{red} {green} {blue}"
            );
        }
        for grey in
            [DynamicImage::ImageLuma8(image.to_luma8()), DynamicImage::ImageLumaA16(image.to_luma_alpha16())]
        {
            assert_eq!(enlarged(&file(&grey, ImageFormat::Png), 2).width(), 120);
        }
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        // Red beside transparent green: no green may show at the border.
        let image =
            RgbaImage::from_fn(
                16,
                16,
                |x, _| if x < 8 { Rgba([200, 0, 0, 255]) } else { Rgba([0, 200, 0, 0]) },
            );
        let large = enlarged(&file(&image.into(), ImageFormat::Png), 4).into_rgba8();
        assert!(large.pixels().all(|pixel| pixel.0[3] == 0 || pixel.0[1] < 8));
        assert_eq!((large.get_pixel(4, 4).0[3], large.get_pixel(60, 60).0[3]), (255, 0));
    }

    #[test]
    fn a_file_that_is_cut_short_fails() {
        let image = gradient(60, 40);
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
            let whole = file(&image, format);
            for length in [whole.len() / 3, whole.len() / 2, whole.len() * 9 / 10] {
                assert!(enlarge(&whole[..length], 4).is_err(), "{format:?}, {length} of {}", whole.len());
            }
        }
    }

    #[test]
    fn what_is_too_large_is_named_before_it_is_decoded() {
        let refusal = |width, height| {
            let mut header = file(&gradient(1, 1), ImageFormat::Png);
            header[16..20].copy_from_slice(&u32::to_be_bytes(width));
            header[20..24].copy_from_slice(&u32::to_be_bytes(height));
            enlarge(&header, 4).unwrap_err()
        };
        let says = |width: u32, height: u32| {
            format!(
                "The image has {width} x {height} pixels; at most 4096 a side and 16 megapixels in all are taken."
            )
        };
        assert_eq!(refusal(4097, 1), says(4097, 1));
        assert_eq!(refusal(4001, 4000), says(4001, 4000));
        assert_ne!(refusal(4000, 4000), says(4000, 4000), "that is just taken, and then found to be damaged");
    }

    #[test]
    fn the_decoder_has_limits_of_its_own() {
        let wide = file(&gradient(4097, 1), ImageFormat::Png);
        assert!(matches!(
            decode(&wide, crisp_upscale_core::image::Format::Png),
            Err(image::ImageError::Limits(_))
        ));
    }

    #[test]
    fn a_photo_is_turned_upright() {
        let mut jpeg = file(&gradient(60, 40), ImageFormat::Jpeg);
        // APP1 with one EXIF entry: orientation 6, a quarter turn clockwise.
        let exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        jpeg.splice(2..2, exif.iter().copied());
        let image = enlarged(&jpeg, 2);
        assert_eq!((image.width(), image.height()), (80, 120));
    }

    #[test]
    fn the_factor_keeps_the_result_within_bounds() {
        assert_eq!(fitting_factor(1000, 1000, 4), 4);
        assert_eq!(fitting_factor(2000, 2000, 4), 4);
        assert_eq!(fitting_factor(2001, 2000, 4), 3);
        assert_eq!(fitting_factor(4000, 4000, 4), 2);
        assert_eq!(4000 * 4000 * 4, MAX_OUTPUT_PIXELS);
        assert_eq!(fitting_factor(10, 10, 0), 1);
    }

    #[test]
    fn sharpening_widens_edges_and_leaves_transparency() {
        let mut pixels = [100, 100, 250, 100];
        sharpen(&mut pixels, &[80, 120, 100, 0], 4);
        assert_eq!(pixels, [115, 85, 255, 100]);
    }
}
