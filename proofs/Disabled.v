(** What is disabled stays disabled, as a step of its own after the contributions.

    [keep_disabled] of [model/src/overlay.rs] is the same step in Rust. *)

From Coq Require Import List Bool.
From Proofs Require Import Overlay.
Import ListNotations.

Section Disabled.

Context {name : Type} `{Names name} {content : Type}.
Local Notation operation := (operation name content).
Local Notation servers := (servers name content).

Definition disable (s : server content) : server content := Server (content_of s) false.

Definition disabled_in (m : servers) (n : name) : bool :=
  match m n with Some s => negb (enabled s) | None => false end.

(** Disables in [m] what [remembered] disables. *)
Definition keep_disabled (remembered m : servers) : servers :=
  fun n =>
    match m n with
    | Some s => Some (if disabled_in remembered n then disable s else s)
    | None => None
    end.

Lemma disable_disabled : forall s, enabled s = false -> disable s = s.
Proof.
  intros [c e]. simpl. unfold disable. simpl. congruence.
Qed.

Theorem kept_name_is_disabled : forall remembered m n s,
  disabled_in remembered n = true -> keep_disabled remembered m n = Some s -> enabled s = false.
Proof.
  intros remembered m n s disabled. unfold keep_disabled. rewrite disabled.
  destruct (m n); intros equal; inversion equal; reflexivity.
Qed.

Theorem keeping_changes_enabled_alone : forall remembered m n,
  option_map content_of (keep_disabled remembered m n) = option_map content_of (m n).
Proof.
  intros remembered m n. unfold keep_disabled.
  destruct (m n); [simpl; destruct (disabled_in remembered n) |]; reflexivity.
Qed.

Lemma keep_congruent : forall remembered remembered' m m' n,
  remembered n = remembered' n -> m n = m' n ->
  keep_disabled remembered m n = keep_disabled remembered' m' n.
Proof.
  intros remembered remembered' m m' n equal_remembered equal.
  unfold keep_disabled, disabled_in. rewrite equal_remembered, equal. reflexivity.
Qed.

Lemma keep_keeps : forall remembered m n,
  keep_disabled remembered (keep_disabled remembered m) n = keep_disabled remembered m n.
Proof.
  intros remembered m n. unfold keep_disabled. destruct (m n); [| reflexivity].
  destruct (disabled_in remembered n); reflexivity.
Qed.

(** ** Prefixes *)

(** With the two steps apart, the contributions may be applied in two halves. *)
Theorem apart_the_steps_compose : forall remembered m a b,
  keep_disabled remembered (apply m (a ++ b)) = keep_disabled remembered (apply (apply m a) b).
Proof.
  intros remembered m a b. rewrite apply_composes. reflexivity.
Qed.

(** The first half may have had its disabled names kept already, if the second half keeps the same
    names and not those of the first half's result. *)
Theorem kept_prefix_composes_if_remembered : forall remembered m a b n,
  keep_disabled remembered (apply (keep_disabled remembered (apply m a)) b) n =
  keep_disabled remembered (apply m (a ++ b)) n.
Proof.
  intros remembered m a b n. rewrite apply_composes.
  unfold keep_disabled at 1 3. rewrite !(last_operation_decides b).
  destruct (last_naming n b); [reflexivity |]. apply (keep_keeps remembered (apply m a) n).
Qed.

(** A step that keeps what its own input disables does not compose, neither in the one direction
    (what was disabled is removed, then set) nor in the other (a name is set disabled, then
    enabled). *)
Theorem forgetting_prefix_enables : forall (n : name) (c : content),
  exists m a b,
    let step := fun input ops => keep_disabled input (apply input ops) in
    step m (a ++ b) n = Some (Server c false) /\ step (step m a) b n = Some (Server c true).
Proof.
  intros n c. exists (fun _ => Some (Server c false)), [RemoveServer n], [SetServer n (Server c true)].
  simpl. unfold keep_disabled, disabled_in, apply, apply_one, names. simpl.
  destruct (same n n); [split; reflexivity | congruence].
Qed.

Theorem forgetting_prefix_disables : forall (n : name) (c : content),
  exists m a b,
    let step := fun input ops => keep_disabled input (apply input ops) in
    step m (a ++ b) n = Some (Server c true) /\ step (step m a) b n = Some (Server c false).
Proof.
  intros n c. exists (fun _ => None), [SetServer n (Server c false)], [SetServer n (Server c true)].
  simpl. unfold keep_disabled, disabled_in, apply, apply_one, names. simpl.
  destruct (same n n); [split; reflexivity | congruence].
Qed.

(** ** Twice is once *)

Lemma keep_by_result : forall remembered m n,
  keep_disabled (keep_disabled remembered m) m n = keep_disabled remembered m n.
Proof.
  intros remembered m n. unfold keep_disabled. destruct (m n) as [s |] eqn:found; [| reflexivity].
  unfold disabled_in at 1. rewrite found.
  destruct (disabled_in remembered n); simpl; [reflexivity |].
  destruct (enabled s) eqn:is_enabled; simpl; [| rewrite disable_disabled]; auto.
Qed.

Lemma keep_own : forall m n, keep_disabled m m n = m n.
Proof.
  intros m n. unfold keep_disabled, disabled_in. destruct (m n) as [s |]; [| reflexivity].
  destruct (enabled s) eqn:is_enabled; simpl; [| rewrite disable_disabled]; auto.
Qed.

(** Again from [again], which is for each name as the first time or as the first time left it. *)
Lemma keep_again : forall remembered m again ops n,
  let once := keep_disabled remembered (apply m ops) in
  again n = m n \/ again n = once n ->
  keep_disabled once (apply again ops) n = once n.
Proof.
  intros remembered m again ops n once from.
  destruct from as [from | from].
  - rewrite (keep_congruent once once (apply again ops) (apply m ops)); [| reflexivity |].
    + apply keep_by_result.
    + apply apply_congruent, from.
  - destruct (last_naming n ops) as [o |] eqn:last.
    + rewrite (keep_congruent once once (apply again ops) (apply m ops)); [| reflexivity |].
      * apply keep_by_result.
      * rewrite !last_operation_decides, last. reflexivity.
    + rewrite (keep_congruent once once (apply again ops) once); [| reflexivity |].
      * apply keep_own.
      * rewrite last_operation_decides, last. exact from.
Qed.

Theorem keeping_twice_is_keeping_once : forall m ops n,
  let once := keep_disabled m (apply m ops) in
  keep_disabled once (apply once ops) n = once n.
Proof.
  intros m ops n. apply keep_again. right. reflexivity.
Qed.

End Disabled.
