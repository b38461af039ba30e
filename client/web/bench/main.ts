/** `measureStep` in a browser, for whoever drives it: `measured(turns)`. */
import { onnxruntimeWebExecutor } from "@tributary/tensor/onnxruntime-web";
import { measureStep } from "./step.ts";

Object.assign(globalThis, { measured: (turns: number) => measureStep(onnxruntimeWebExecutor(), turns) });
