package probe

var ruleExperiments = []*experiment{}
