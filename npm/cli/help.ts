/** What `--help` prints. */
export const HELP = `Enlarges images with Recraft's crisp upscale through kie.ai, four times as wide and high.

  npx crisp-upscale photos/*.jpg https://host.example/logo.png --out large/

It can be interrupted at any moment, also by kill -9 or a full disk. The same command
goes on: nothing is charged twice, and what is done is not made again.

Images
  FILE, URL             jpeg, png or webp, at most 10 MB
  FOLDER --recursive    all images in it; hidden files are left out
  -                     a list from standard input: a name a line, or as of find -print0

Options
  -o, --out FOLDER      where results go; otherwise beside each image. photo.jpg becomes
                        photo.crisp.png (or .jpg, .webp)
  -r, --recursive       take the images in folders, and in folders in these
  -n, --dry-run         say what would be done and what it costs at most; send nothing
      --max N           order N images at most; the next run goes on
      --again           order anew what has changed since, or what was paid for and has
                        expired before it was downloaded. Costs credits
      --retry-unknown   order anew what may have been ordered already: a request was cut
                        off, and nobody knows. May cost credits a second time
      --include-results take results of this command as images, too
      --json            a line of JSON for each image
      --sandbox         try it without a key: a stand-in enlarges the images by plain
                        resampling, which is not Recraft's model, and costs nothing
      --gateway URL     send to a gateway instead of kie.ai
      --state FOLDER    where it is written down what was ordered; otherwise
                        .crisp-upscale in the folder of the results
  -h, --help            this text
      --version         the version

Environment
  KIE_API_KEY           your key of kie.ai
  CRISP_UPSCALE_TOKEN   the token for --gateway
  KIE_BASE_URL, KIE_UPLOAD_BASE_URL
                        other addresses than kie.ai's
  NO_COLOR              no colours

Exit code
  0  all is done          1  some is not: it is listed at the end
  2  the command is wrong 130  interrupted

Other commands
  crisp-upscale sandbox --port 9000    the stand-in as a server, for any client of the API
  crisp-upscale demo --port 8080       the demo page with its gateway on this machine

A file that is called sandbox or demo is given as ./sandbox or ./demo.
`;
