/** The built shields (scripts/build-modules.ts). */
export { AddressShields } from "../edge/address-shields.ts";
