// How the page is bundled: into files that are named by their content, so that they can be cached for ever.
import { defineConfig } from "vite";

export default defineConfig({
  build: {
    outDir: "release",
    target: "es2022",
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
