(** Contributions on a map of servers: the fold, and what follows from it.

    [model/src/overlay.rs] has the same definitions in Rust. Maps are functions, so two maps are
    compared name by name: no axiom says that functions with equal results are equal. *)

From Coq Require Import List Bool.
Import ListNotations.

(** Names are compared for equality and nothing else. *)
Class Names (name : Type) := same : forall a b : name, {a = b} + {a <> b}.

(** Of a server only [enabled] matters here. [content] stands for all its other fields. *)
Record server (content : Type) := Server { content_of : content; enabled : bool }.
Arguments Server {content}.
Arguments content_of {content}.
Arguments enabled {content}.

Inductive operation (name content : Type) :=
| SetServer (n : name) (s : server content)
| RemoveServer (n : name).
Arguments SetServer {name content}.
Arguments RemoveServer {name content}.

Definition servers (name content : Type) := name -> option (server content).

Section Fold.

Context {name : Type} `{Names name} {content : Type}.
Local Notation operation := (operation name content).
Local Notation servers := (servers name content).

Definition named (o : operation) : name :=
  match o with SetServer n _ => n | RemoveServer n => n end.

(** What an operation makes of its name. *)
Definition outcome (o : operation) : option (server content) :=
  match o with SetServer _ s => Some s | RemoveServer _ => None end.

Definition names (n : name) (o : operation) : bool :=
  if same n (named o) then true else false.

Definition apply_one (m : servers) (o : operation) : servers :=
  fun n => if names n o then outcome o else m n.

(** One operation after the other, as [overlay::runtime] does it. *)
Definition apply (m : servers) (ops : list operation) : servers :=
  fold_left apply_one ops m.

(** The last operation that names [n], as [overlay::runtime_by_name] looks for it. *)
Definition last_naming (n : name) (ops : list operation) : option operation :=
  find (names n) (rev ops).

Lemma names_named : forall n o, names n o = true <-> named o = n.
Proof.
  intros n o. unfold names. destruct (same n (named o)); split; congruence.
Qed.

Lemma last_naming_app : forall n a b,
  last_naming n (a ++ b) =
  match last_naming n b with Some o => Some o | None => last_naming n a end.
Proof.
  intros n a b. unfold last_naming. rewrite rev_app_distr.
  induction (rev b) as [| o rest IH]; simpl; [reflexivity |].
  destruct (names n o); [reflexivity | exact IH].
Qed.

(** ** The last operation that names a name decides *)

Theorem last_operation_decides : forall ops m n,
  apply m ops n = match last_naming n ops with Some o => outcome o | None => m n end.
Proof.
  induction ops as [| o rest IH]; intros m n; [reflexivity |].
  change (apply m (o :: rest) n) with (apply (apply_one m o) rest n).
  change (o :: rest) with ([o] ++ rest).
  rewrite IH, last_naming_app. destruct (last_naming n rest); [reflexivity |].
  unfold last_naming, apply_one; simpl. destruct (names n o); reflexivity.
Qed.

Theorem untouched_name_stays : forall ops m n,
  (forall o, In o ops -> named o <> n) -> apply m ops n = m n.
Proof.
  intros ops m n silent. rewrite last_operation_decides. unfold last_naming.
  destruct (find (names n) (rev ops)) as [o |] eqn:found; [exfalso | reflexivity].
  apply find_some in found. destruct found as [is_in names_n].
  apply (silent o); [apply in_rev, is_in | apply names_named, names_n].
Qed.

Theorem operation_decides_its_name : forall m a o b,
  (forall later, In later b -> named later <> named o) ->
  apply m (a ++ o :: b) (named o) = outcome o.
Proof.
  intros m a o b silent. unfold apply. rewrite fold_left_app. simpl.
  fold (apply (apply_one (fold_left apply_one a m) o) b).
  rewrite untouched_name_stays by exact silent.
  unfold apply_one, names. destruct (same (named o) (named o)); congruence.
Qed.

(** ** A prefix may be remembered *)

Theorem apply_composes : forall m a b, apply m (a ++ b) = apply (apply m a) b.
Proof.
  intros m a b. apply fold_left_app.
Qed.

(** The operations of each contributor may be replaced by others with the same last ones, so what is
    remembered of a contributor is one operation for each name. *)
Theorem contributors_may_be_summarized : forall lists summaries,
  Forall2 (fun a b => forall n, last_naming n a = last_naming n b) lists summaries ->
  forall m n, apply m (concat lists) n = apply m (concat summaries) n.
Proof.
  intros lists summaries alike m n. rewrite !last_operation_decides.
  assert (equal : last_naming n (concat lists) = last_naming n (concat summaries)).
  { induction alike as [| a b lists summaries head _ IH]; [reflexivity |].
    simpl. rewrite !last_naming_app, IH, head. reflexivity. }
  rewrite equal. reflexivity.
Qed.

Theorem empty_list_changes_nothing : forall m a b,
  apply m (a ++ [] ++ b) = apply m (a ++ b).
Proof.
  reflexivity.
Qed.

(** ** A name's result depends on its own operations alone *)

Lemma apply_congruent : forall ops m m' n, m n = m' n -> apply m ops n = apply m' ops n.
Proof.
  intros ops m m' n equal. rewrite !last_operation_decides, equal. reflexivity.
Qed.

Theorem own_operations_decide : forall ops m n,
  apply m ops n = apply m (filter (names n) ops) n.
Proof.
  induction ops as [| o rest IH]; intros m n; [reflexivity |].
  change (apply m (o :: rest) n) with (apply (apply_one m o) rest n). simpl filter.
  rewrite IH. destruct (names n o) eqn:own; [reflexivity |].
  apply apply_congruent. unfold apply_one. rewrite own. reflexivity.
Qed.

Theorem names_are_independent : forall ops ops' m m' n,
  m n = m' n -> filter (names n) ops = filter (names n) ops' ->
  apply m ops n = apply m' ops' n.
Proof.
  intros ops ops' m m' n equal_before equal_own.
  rewrite (own_operations_decide ops), (own_operations_decide ops'), equal_own.
  apply apply_congruent, equal_before.
Qed.

Theorem disjoint_lists_commute : forall a b,
  (forall x y, In x a -> In y b -> named x <> named y) ->
  forall m n, apply m (a ++ b) n = apply m (b ++ a) n.
Proof.
  intros a b disjoint m n. rewrite !last_operation_decides, !last_naming_app.
  destruct (last_naming n a) as [x |] eqn:in_a, (last_naming n b) as [y |] eqn:in_b;
    try reflexivity.
  exfalso. apply find_some in in_a, in_b. destruct in_a as [x_in x_names], in_b as [y_in y_names].
  apply names_named in x_names, y_names.
  apply (disjoint x y); [apply in_rev, x_in | apply in_rev, y_in | congruence].
Qed.

(** ** One operation a name decides *)

(** The operations that no later one of the same name overrules. *)
Fixpoint last_only (ops : list operation) : list operation :=
  match ops with
  | [] => []
  | o :: rest => if existsb (names (named o)) rest then last_only rest else o :: last_only rest
  end.

Lemma last_only_incl : forall ops, incl (last_only ops) ops.
Proof.
  induction ops as [| o rest IH]; intros x; simpl; [tauto |].
  destruct (existsb (names (named o)) rest); simpl; intros is_in;
    [right; apply IH, is_in | destruct is_in; [left | right; apply IH]; assumption].
Qed.

Lemma last_only_no_two : forall ops, NoDup (map named (last_only ops)).
Proof.
  induction ops as [| o rest IH]; simpl; [constructor |].
  destruct (existsb (names (named o)) rest) eqn:overruled; [exact IH |].
  simpl. constructor; [| exact IH]. intros again. apply in_map_iff in again.
  destruct again as [x [equal is_in]]. apply last_only_incl in is_in.
  assert (found : existsb (names (named o)) rest = true).
  { apply existsb_exists. exists x. split; [exact is_in | apply names_named, equal]. }
  congruence.
Qed.

Lemma last_naming_none : forall n ops, last_naming n ops = None <-> existsb (names n) ops = false.
Proof.
  intros n ops. unfold last_naming. split; intros silent.
  - destruct (existsb (names n) ops) eqn:found; [exfalso | reflexivity].
    apply existsb_exists in found. destruct found as [o [is_in own]].
    apply in_rev in is_in. apply (find_none _ _ silent) in is_in. congruence.
  - destruct (find (names n) (rev ops)) as [o |] eqn:found; [exfalso | reflexivity].
    apply find_some in found. destruct found as [is_in own]. apply in_rev in is_in.
    assert (existsb (names n) ops = true) by (apply existsb_exists; exists o; tauto). congruence.
Qed.

Lemma last_naming_last_only : forall n ops, last_naming n (last_only ops) = last_naming n ops.
Proof.
  intros n. induction ops as [| o rest IH]; [reflexivity |].
  change (o :: rest) with ([o] ++ rest) at 2. rewrite last_naming_app. simpl last_only.
  destruct (existsb (names (named o)) rest) eqn:overruled.
  - rewrite IH. destruct (last_naming n rest) eqn:found; [reflexivity |].
    unfold last_naming; simpl. destruct (names n o) eqn:own; [exfalso | reflexivity].
    apply names_named in own. subst n. apply last_naming_none in found. congruence.
  - change (o :: last_only rest) with ([o] ++ last_only rest).
    rewrite last_naming_app, IH. reflexivity.
Qed.


(** For every list there is one with the same result that is no longer, uses the same operations and
    names no name twice. *)
Theorem one_operation_a_name_suffices : forall ops,
  exists short,
    NoDup (map named short) /\ incl short ops /\
    forall m n, apply m short n = apply m ops n.
Proof.
  intros ops. exists (last_only ops).
  split; [apply last_only_no_two | split; [apply last_only_incl |]].
  intros m n. rewrite !last_operation_decides, last_naming_last_only. reflexivity.
Qed.

(** ** Twice is once *)

Theorem applying_twice_is_applying_once : forall ops m n,
  apply (apply m ops) ops n = apply m ops n.
Proof.
  intros ops m n. rewrite (last_operation_decides ops (apply m ops)), last_operation_decides.
  destruct (last_naming n ops); reflexivity.
Qed.

End Fold.
