import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Enlarge } from "./Enlarge.jsx";
import "./style.css";

createRoot(document.getElementById("root")).render(
  <StrictMode>
    <Enlarge />
  </StrictMode>,
);
