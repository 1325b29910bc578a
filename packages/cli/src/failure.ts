/** How a command ends. */

/** There is nothing to say or to do, or it was done. */
export const OK = 0;
/** Something is wrong: the input, the deployment, or a lost update was refused. */
export const FAILED = 1;
/** The policies differ, or more users would be denied than allowed. */
export const DIFFERENT = 2;

/** An expected failure: its message is for people, without a stack. */
export class Failure extends Error {
  override readonly name: string = "Failure";
}

/** A wrong call of the program: the help is shown with it. */
export class UsageFailure extends Failure {
  override readonly name = "UsageFailure";
}
