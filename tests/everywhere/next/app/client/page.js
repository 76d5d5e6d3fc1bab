"use client";
import { useEffect, useState } from "react";
import { upscale } from "../upscale.js";

export default function Page() {
  const [text, setText] = useState("");
  useEffect(() => {
    upscale(new URLSearchParams(location.search).get("service")).then(setText);
  }, []);
  return <p>{text}</p>;
}
