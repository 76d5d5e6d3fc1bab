import { Enlarge } from "./enlarge.jsx";

export default function Page() {
  return (
    <main>
      <h1>Upscale</h1>
      <Enlarge />
    </main>
  );
}
